"""Shards of one rank in one store: looked up together, updated together."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from shardplan.executor.distinct_rows import DistinctRows
from shardplan.executor.initial_weights import fill_initial
from shardplan.executor.row_store import WEIGHT, ResidentStore
from shardplan.executor.tensor import offsets_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.executor.input_dist import Bags
    from shardplan.executor.layout import GroupLayout, HeldShard
    from shardplan.executor.row_store import Fields, RowStore
    from shardplan.executor.tensor import Tensor
    from shardplan.executor.update_rule import UpdateRule


@dataclass(frozen=True, slots=True)
class RowGradients:
    """The gradients of a batch, summed by row of a store."""

    rows: Tensor
    """(U,) int64, ascending."""
    sums: Tensor
    """(U, columns) fp32."""

    def squares(self) -> Tensor:
        """(U,) fp64: the sum of squares over the columns, which fp64 makes almost exact."""
        return torch.mul(self.sums, self.sums).sum(1, dtype=torch.float64)


class ShardGroup:
    """The shards that one kernel looks up."""

    def __init__(self, layout: GroupLayout, store: RowStore, seed: int) -> None:
        self.layout = layout
        self.store = store
        self._is_direct = isinstance(store, ResidentStore) and store.is_direct
        fields = store.settled()
        for held, (first, end) in self._spans():
            fill_initial(fields[WEIGHT][first:end], held.table, held.shard, seed)
        store.forget()

    def lookup(self, bags: Bags, known: DistinctRows | None = None) -> Tensor:
        """(slots, samples, columns) fp32: the sum of each bag's rows."""
        offsets = offsets_of(bags.lengths)
        if self._is_direct:
            ids, weights = bags.ids, self.store.settled()[WEIGHT]
        else:
            distinct = known or DistinctRows.of(bags.ids)
            ids, weights = distinct.positions(), self.store.read(distinct.rows)[WEIGHT].float()
        pooled = functional.embedding_bag(
            ids, weights, offsets, mode="sum", include_last_offset=True
        )
        return pooled.view(*bags.lengths.shape, -1)

    def sum_gradients(
        self, bags: Bags, gradient: Tensor, known: DistinctRows | None = None
    ) -> RowGradients:
        """The gradient of each distinct row, from (slots, samples, columns) fp32."""
        distinct = known or DistinctRows.of(bags.ids)
        flat = gradient.reshape(-1, gradient.shape[-1])
        return RowGradients(distinct.rows, distinct.sum_gradients(bags.lengths, flat))

    def update(self, rule: UpdateRule, gradients: RowGradients, squares: Tensor | None) -> None:
        """Run the optimizer over the rows that have a gradient.

        ``squares`` (U,) fp64 are sums over all columns of the table, of shards elsewhere too.
        """
        if not len(gradients.rows):
            return
        fields = self.store.read(gradients.rows)
        mean = None
        if squares is not None:
            mean = (squares / self.layout.shards[0].table.dim).float()
        rule.apply(fields, gradients.sums, mean)
        self.store.write(gradients.rows, fields)

    def part_of(self, rows: Tensor) -> list[slice]:
        """Of ascending store rows, which belong to each shard."""
        bounds = torch.tensor(self.layout.base_rows, device=rows.device)
        cuts = torch.searchsorted(rows, bounds).tolist()
        return [slice(start, end) for start, end in itertools.pairwise(cuts)]

    def shards(self) -> Iterator[tuple[HeldShard, Fields]]:
        """Each shard with its rows, as they lie in the tier that holds the table."""
        fields = self.store.settled()
        for held, (first, end) in self._spans():
            yield held, {name: field[first:end] for name, field in fields.items()}

    def _spans(self) -> Iterator[tuple[HeldShard, tuple[int, int]]]:
        bases = self.layout.base_rows
        yield from zip(self.layout.shards, itertools.pairwise(bases), strict=True)
