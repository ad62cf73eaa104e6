"""Shards of one rank in one store: looked up together, updated together."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import torch

from shardplan.executor.memory.row_cache import RowCache
from shardplan.executor.tables.initial_weights import fill_initial

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shardplan.executor.batch.bags import Bags
    from shardplan.executor.memory.hot_counts import HotCounts
    from shardplan.executor.memory.memory_pool import MemoryPool
    from shardplan.executor.planned.module_layout import GroupLayout, HeldShard
    from shardplan.executor.tables.group_store import GroupStore
    from shardplan.executor.tables.row_gradients import RowGradients
    from shardplan.executor.tables.update_rule import Fields, UpdateRule
    from shardplan.executor.tensors.tensor import Tensor


class ShardGroup:
    """The shards that one kernel looks up."""

    def __init__(self, layout: GroupLayout, store: GroupStore, pool: MemoryPool, seed: int) -> None:
        """``pool`` is where ids are looked up."""
        self.layout = layout
        self._pool = pool
        self._store = store
        self.weights = store.weights
        whole = self.weights.settled()
        for held, (first, end) in self._spans():
            fill_initial(whole[first:end], held.table, held.shard, seed)

    def warm(self, hot: Mapping[str, HotCounts]) -> None:
        """Bring the hottest rows into the cache, where there is one; ``hot`` has them by table."""
        if not isinstance(self.weights, RowCache):
            return
        rows, reads = [], []
        for held, (first, _) in self._spans():
            if (found := hot.get(held.table.name)) is not None:
                at = torch.tensor(found.ids) - held.shard.row_offset
                is_here = (at >= 0) & (at < held.shard.rows)
                rows.append(at[is_here] + first)
                reads.append(torch.tensor(found.counts)[is_here])
        if rows:
            every = torch.cat(reads)
            order = torch.argsort(every, descending=True, stable=True)
            self.weights.warm(torch.cat(rows)[order], every[order])

    def stage(self, bags: Bags) -> None:
        """Bring the rows into the cache, where there is one, and keep them until ``release``."""
        if bags.staged is None and isinstance(self.weights, RowCache):
            self._pool.charge(bags.distinct.held_bytes, "lookup")
            bags.staged = self.weights.stage(bags.distinct.rows, bags.distinct.counts())

    def release(self, bags: Bags) -> None:
        """Let the cache replace the rows again."""
        if bags.staged is not None and isinstance(self.weights, RowCache):
            self.weights.release(bags.staged)
            self._pool.release(bags.distinct.held_bytes, "lookup")
            bags.staged = None

    def lookup(self, bags: Bags) -> Tensor:
        """(bags..., columns) fp32: the sum of each bag's rows by their weights."""
        self.stage(bags)
        return self._store.lookup(bags)

    def update(self, rule: UpdateRule, gradients: RowGradients, squares: Tensor | None) -> None:
        """Run the optimizer over the rows that have a gradient.

        ``squares`` (U,) are sums over all columns of the table where other shards hold some.
        """
        self._store.update(rule, gradients, squares, self.layout.shards[0].table.dim)

    def part_of(self, rows: Tensor) -> list[slice]:
        """Of ascending store rows, which belong to each shard."""
        bounds = torch.tensor(self.layout.base_rows, device=rows.device)
        cuts = torch.searchsorted(rows, bounds).tolist()
        return [slice(start, end) for start, end in itertools.pairwise(cuts)]

    def shards(self) -> Iterator[tuple[HeldShard, Fields]]:
        """Each shard with its rows, as they lie in the tier that holds the table."""
        fields = self._store.settled()
        for held, (first, end) in self._spans():
            yield held, {name: field[first:end] for name, field in fields.items()}

    def _spans(self) -> Iterator[tuple[HeldShard, tuple[int, int]]]:
        bases = self.layout.base_rows
        yield from zip(self.layout.shards, itertools.pairwise(bases), strict=True)
