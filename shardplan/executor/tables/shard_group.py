"""Shards of one rank in one store: looked up together, updated together."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from shardplan.executor.memory.row_cache import RowCache
from shardplan.executor.memory.row_store import ResidentRows
from shardplan.executor.tables.initial_weights import fill_initial
from shardplan.executor.tables.row_gradients import squares_of
from shardplan.executor.tables.update_rule import WEIGHT, Fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.executor.batch.bags import Bags
    from shardplan.executor.memory.memory_pool import MemoryPool
    from shardplan.executor.planned.module_layout import GroupLayout, HeldShard
    from shardplan.executor.tables.group_store import GroupStore
    from shardplan.executor.tables.row_gradients import RowGradients
    from shardplan.executor.tables.update_rule import UpdateRule
    from shardplan.executor.tensors.tensor import Tensor


class ShardGroup:
    """The shards that one kernel looks up."""

    def __init__(self, layout: GroupLayout, store: GroupStore, pool: MemoryPool, seed: int) -> None:
        """``pool`` is where ids are looked up."""
        self.layout = layout
        self._pool = pool
        self.weights = store.weights
        self.state = store.state
        whole = self.weights.settled()
        for held, (first, end) in self._spans():
            fill_initial(whole[first:end], held.table, held.shard, seed)

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
        if isinstance(self.weights, ResidentRows) and self.weights.is_direct:
            ids, weights = bags.ids, self.weights.values
        else:
            ids, weights = bags.positions(), self.weights.read(bags.distinct.rows).float()
        pooled = functional.embedding_bag(
            ids,
            weights,
            bags.offsets(),
            mode="sum",
            per_sample_weights=bags.weights,
            include_last_offset=True,
        )
        return pooled.view(*bags.lengths.shape, self.layout.width)

    def update(self, rule: UpdateRule, gradients: RowGradients, squares: Tensor | None) -> None:
        """Run the optimizer over the rows that have a gradient.

        ``squares`` (U,) are sums over all columns of the table where other shards hold some.
        """
        dim = self.layout.shards[0].table.dim
        for cut, sums in gradients.chunks():
            rows = gradients.rows[cut]
            state = {name: rows_of.read(rows) for name, rows_of in self.state.items()}
            mean = None
            if rule.wants_squares:
                mean = (squares_of(sums) if squares is None else squares[cut]) / dim
            rule.apply(state, sums, mean)
            if isinstance(self.weights, ResidentRows):
                self.weights.add(rows, sums)
            else:
                self.weights.write(rows, self.weights.read(rows).float().add_(sums))
            for name, rows_of in self.state.items():
                rows_of.write(rows, state[name])

    def part_of(self, rows: Tensor) -> list[slice]:
        """Of ascending store rows, which belong to each shard."""
        bounds = torch.tensor(self.layout.base_rows, device=rows.device)
        cuts = torch.searchsorted(rows, bounds).tolist()
        return [slice(start, end) for start, end in itertools.pairwise(cuts)]

    def shards(self) -> Iterator[tuple[HeldShard, Fields]]:
        """Each shard with its rows, as they lie in the tier that holds the table."""
        every = {WEIGHT: self.weights, **self.state}
        fields = {name: rows_of.settled() for name, rows_of in every.items()}
        for held, (first, end) in self._spans():
            yield held, {name: field[first:end] for name, field in fields.items()}

    def _spans(self) -> Iterator[tuple[HeldShard, tuple[int, int]]]:
        bases = self.layout.base_rows
        yield from zip(self.layout.shards, itertools.pairwise(bases), strict=True)
