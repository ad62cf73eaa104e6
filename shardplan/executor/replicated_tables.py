"""Data-parallel tables: whole on every rank, their gradients summed over all ranks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from shardplan.executor.initial_weights import fill_initial
from shardplan.executor.planned_table import PlannedShard
from shardplan.executor.row_gradients import RowGradients, squares_of
from shardplan.executor.tensor import DTYPES, offsets_of
from shardplan.executor.update_rule import WEIGHT, Fields

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.executor.bags import Bags
    from shardplan.executor.layout import Layout
    from shardplan.executor.memory_pool import MemoryPool
    from shardplan.executor.mesh import Mesh
    from shardplan.executor.optimizer_settings import OptimizerSettings
    from shardplan.executor.planned_table import PlannedTable
    from shardplan.executor.tensor import Tensor
    from shardplan.executor.update_rule import UpdateRule

_WHAT = "the sum of data-parallel gradients"


@dataclass(frozen=True, slots=True)
class Replica:
    """One data-parallel table."""

    table: PlannedTable
    columns: Sequence[int]
    """First output column of each of its features."""
    fields: Fields
    """Weights and optimizer state."""


class ReplicatedTables:
    """The data-parallel tables of a module."""

    def __init__(
        self, layout: Layout, mesh: Mesh, pool: MemoryPool, optimizer: OptimizerSettings, seed: int
    ) -> None:
        self._mesh = mesh
        # Only Adam changes a row whose gradient is zero, so only Adam has to know which were read.
        self._marks = optimizer.kind == "adam"
        self._divides_zeros = optimizer.kind != "sgd" and optimizer.eps == 0
        self.replicas = [
            Replica(
                table,
                [layout.columns[feature] for feature in features],
                _filled(table, pool, optimizer, seed),
            )
            for table, features in layout.replicated
        ]
        gradient_bytes = sum(4 * r.table.rows * r.table.dim for r in self.replicas)
        pool.charge(gradient_bytes, "gradients")

    def lookup(self, inputs: Sequence[Bags], output: Tensor) -> None:
        """Fill in the columns of (samples, width) that these tables give."""
        for replica, bags in zip(self.replicas, inputs, strict=True):
            ids, weights = bags.ids, replica.fields[WEIGHT]
            if weights.dtype != torch.float32:
                ids, weights = bags.positions(), weights[bags.distinct.rows].float()
            pooled = torch.nn.functional.embedding_bag(
                ids, weights, offsets_of(bags.lengths), mode="sum", include_last_offset=True
            ).view(*bags.lengths.shape, -1)
            for column, sums in zip(replica.columns, pooled, strict=True):
                output[:, column : column + replica.table.dim] = sums

    def sum_gradients(self, inputs: Sequence[Bags], gradient: Tensor) -> Tensor:
        """Flat, summed over all ranks: of each table (rows, dim) gradients, for Adam (rows,) marks.

        A row is marked where any rank read it: only those are updated, as if the table lay on one
        rank, even where their gradient is zero.
        """
        flat = gradient.new_zeros(sum(self._sizes()))
        for replica, bags, part in zip(
            self.replicas, inputs, flat.split(self._sizes()), strict=True
        ):
            rows, dim = replica.table.rows, replica.table.dim
            read = [gradient[:, column : column + dim] for column in replica.columns]
            summed = RowGradients(bags, torch.stack(read) if len(read) > 1 else read[0])
            for cut, sums in summed.chunks():
                part[: rows * dim].view(rows, dim).index_copy_(0, summed.rows[cut], sums)
            if self._marks:
                part[rows * dim :][summed.rows] = 1
        return self._mesh.all.all_reduce(flat, _WHAT)

    def update(self, rule: UpdateRule, flat: Tensor, scale: float) -> None:
        """Run the optimizer over the rows that any rank read.

        Over all rows where it leaves those alone whose gradient is zero: the tables are small.
        """
        for replica, part in zip(self.replicas, flat.split(self._sizes()), strict=True):
            rows, dim = replica.table.rows, replica.table.dim
            gradients = part[: rows * dim].view(rows, dim)
            touched = slice(None)
            if self._marks:
                touched = part[rows * dim :].nonzero().view(-1)
            elif self._divides_zeros:
                touched = gradients.any(1).nonzero().view(-1)
            change = gradients[touched] * scale
            state = {name: f[touched] for name, f in replica.fields.items() if name != WEIGHT}
            rule.apply(state, change, squares_of(change) / dim if rule.wants_squares else None)
            weights = replica.fields[WEIGHT]
            after = state | {WEIGHT: weights[touched].float() + change}
            for name, field in replica.fields.items():
                field[touched] = after[name].to(field.dtype)

    def _sizes(self) -> list[int]:
        return [r.table.rows * (r.table.dim + self._marks) for r in self.replicas]


def _filled(
    table: PlannedTable, pool: MemoryPool, optimizer: OptimizerSettings, seed: int
) -> Fields:
    weights = pool.allocate((table.rows, table.dim), DTYPES[table.dtype], "weights")
    fill_initial(weights, table, PlannedShard(0, 0, 0, table.rows, table.dim), seed)
    state = {
        name: pool.allocate((table.rows, columns), torch.float32, "state")
        for name, columns in optimizer.state_columns(table.dim).items()
    }
    return {WEIGHT: weights, **state}
