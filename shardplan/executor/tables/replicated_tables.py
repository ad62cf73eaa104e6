"""Data-parallel tables: whole on every rank, their gradients summed over all ranks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import torch

from shardplan.executor.planned.planned_table import PlannedShard
from shardplan.executor.tables.initial_weights import fill_initial
from shardplan.executor.tables.row_gradients import RowGradients, squares_of
from shardplan.executor.tables.update_rule import WEIGHT, Fields
from shardplan.executor.tensors.tensor import DTYPES
from shardplan.workload.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.executor.batch.bags import Bags
    from shardplan.executor.exchange.mesh import Mesh
    from shardplan.executor.memory.memory_pool import MemoryPool
    from shardplan.executor.planned.module_layout import ModuleLayout, ReplicaLayout
    from shardplan.executor.planned.optimizer_settings import OptimizerSettings
    from shardplan.executor.planned.planned_table import PlannedTable
    from shardplan.executor.tables.update_rule import UpdateRule
    from shardplan.executor.tensors.tensor import Tensor

_WHAT = "the sum of data-parallel gradients"


@dataclass(frozen=True, slots=True)
class Replica:
    """One data-parallel table."""

    table: PlannedTable
    fields: Fields
    """Weights and optimizer state."""


class ReplicatedTables:
    """The data-parallel tables of a module."""

    def __init__(
        self,
        layout: ModuleLayout,
        mesh: Mesh,
        pool: MemoryPool,
        optimizer: OptimizerSettings,
        seed: int,
    ) -> None:
        self._mesh = mesh
        # Only Adam changes a row whose gradient is zero, so only Adam has to know which were read.
        self._marks = optimizer.kind is Optimizer.ADAM
        self._divides_zeros = optimizer.kind is not Optimizer.SGD and optimizer.eps == 0
        self._groups = layout.replicated
        self._fields = [_allocated(group, pool, optimizer) for group in self._groups]
        self._columns = [
            [layout.columns[feature] for of_table in group.features for feature in of_table]
            for group in self._groups
        ]
        """First output column of each feature of a group."""
        for table, fields in ((each.table, each.fields) for each in self.replicas):
            whole = PlannedShard(0, 0, 0, table.rows, table.dim)
            fill_initial(fields[WEIGHT], table, whole, seed)
        gradient_bytes = sum(4 * group.base_rows[-1] * group.width for group in self._groups)
        pool.charge(gradient_bytes, "gradients")

    @property
    def replicas(self) -> list[Replica]:
        """Each table by itself; its fields are where the table is trained."""
        return [
            Replica(table, {name: field[first:end] for name, field in fields.items()})
            for group, fields in zip(self._groups, self._fields, strict=True)
            for table, (first, end) in zip(group.tables, pairwise(group.base_rows), strict=True)
        ]

    @property
    def columns(self) -> int:
        """Of the output, those that these tables give."""
        pairs = zip(self._groups, self._columns, strict=True)
        return sum(group.width * len(columns) for group, columns in pairs)

    def lookup(self, inputs: Sequence[Bags]) -> dict[int, Tensor]:
        """By first column of the output, (samples, width) sums of each feature."""
        found: dict[int, Tensor] = {}
        for fields, columns, bags in zip(self._fields, self._columns, inputs, strict=True):
            ids, weights = bags.ids, fields[WEIGHT]
            if weights.dtype != torch.float32:
                ids, weights = bags.positions(), weights[bags.distinct.rows].float()
            pooled = torch.nn.functional.embedding_bag(
                ids,
                weights,
                bags.offsets(),
                mode="sum",
                per_sample_weights=bags.weights,
                include_last_offset=True,
            ).view(*bags.lengths.shape, -1)
            found |= zip(columns, pooled, strict=True)
        return found

    def sum_gradients(self, inputs: Sequence[Bags], gradient: Tensor) -> Tensor:
        """Flat, summed over all ranks: of each group (rows, width) gradients, and Adam's marks.

        A row is marked where any rank read it: only those are updated, as if the table lay on one
        rank, even where their gradient is zero.
        """
        flat = gradient.new_zeros(sum(self._sizes()))
        for group, columns, bags, part in zip(
            self._groups, self._columns, inputs, flat.split(self._sizes()), strict=True
        ):
            rows, width = group.base_rows[-1], group.width
            read = [gradient[:, column : column + width] for column in columns]
            summed = RowGradients(bags, read)
            for cut, sums in summed.chunks():
                part[: rows * width].view(rows, width).index_copy_(0, summed.rows[cut], sums)
            if self._marks:
                part[rows * width :][summed.rows] = 1
        return self._mesh.all.all_reduce(flat, _WHAT)

    def update(self, rule: UpdateRule, flat: Tensor, scale: float) -> None:
        """Run the optimizer over the rows that any rank read.

        Over all rows where it leaves those alone whose gradient is zero: the tables are small.
        """
        parts = flat.split(self._sizes())
        for group, fields, part in zip(self._groups, self._fields, parts, strict=True):
            rows, width = group.base_rows[-1], group.width
            gradients = part[: rows * width].view(rows, width)
            touched = slice(None)
            if self._marks:
                touched = part[rows * width :].nonzero().view(-1)
            elif self._divides_zeros:
                touched = gradients.any(1).nonzero().view(-1)
            change = gradients[touched] * scale
            state = {name: f[touched] for name, f in fields.items() if name != WEIGHT}
            rule.apply(state, change, squares_of(change) / width if rule.wants_squares else None)
            after = state | {WEIGHT: fields[WEIGHT][touched].float() + change}
            for name, field in fields.items():
                field[touched] = after[name].to(field.dtype)

    def _sizes(self) -> list[int]:
        return [group.base_rows[-1] * (group.width + self._marks) for group in self._groups]


def _allocated(group: ReplicaLayout, pool: MemoryPool, optimizer: OptimizerSettings) -> Fields:
    rows, dtype = group.base_rows[-1], DTYPES[group.tables[0].dtype]
    state = {
        name: pool.allocate((rows, columns), torch.float32, "state")
        for name, columns in optimizer.state_columns(group.width).items()
    }
    return {WEIGHT: pool.allocate((rows, group.width), dtype, "weights"), **state}
