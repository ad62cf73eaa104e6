"""Data-parallel tables: whole on every rank, their gradients summed over all ranks.

Only rows that some rank read are summed and updated: of a table with skewed ids a batch reads few,
and no optimizer changes the others. Where sums are not exact, what a rank has not sent of a row
waits until some rank reads the row again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import torch

from shardplan.executor.exchange.gradient_sums import GradientSums
from shardplan.executor.memory.row_store import ResidentRows
from shardplan.executor.planned.planned_table import PlannedShard
from shardplan.executor.tables.group_store import GroupStore
from shardplan.executor.tables.initial_weights import fill_initial
from shardplan.executor.tables.row_gradients import RowGradients
from shardplan.executor.tables.summed_rows import SummedRows
from shardplan.executor.tables.update_rule import WEIGHT, Fields
from shardplan.executor.tensors.tensor import DTYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.executor.batch.bags import Bags
    from shardplan.executor.exchange.mesh import Mesh
    from shardplan.executor.kernels.compiled_rows import CompiledRows
    from shardplan.executor.memory.memory_pool import MemoryPool
    from shardplan.executor.planned.module_layout import ModuleLayout, ReplicaLayout
    from shardplan.executor.planned.optimizer_settings import OptimizerSettings
    from shardplan.executor.planned.planned_table import PlannedTable
    from shardplan.executor.tables.update_rule import UpdateRule
    from shardplan.executor.tensors.tensor import Tensor
    from shardplan.workload.wire.reduction import Reduction

_ROWS, _SUMS = (
    "the rows that data-parallel tables are read at",
    "the sum of data-parallel gradients",
)


@dataclass(frozen=True, slots=True)
class Replica:
    """One data-parallel table, or the hot rows of another."""

    table: PlannedTable
    fields: Fields
    """Weights and optimizer state."""


class ReplicatedTables:
    """The data-parallel tables of a module, and the hot rows of others."""

    def __init__(
        self,
        layout: ModuleLayout,
        mesh: Mesh,
        pool: MemoryPool,
        optimizer: OptimizerSettings,
        reduction: Reduction,
        seed: int,
    ) -> None:
        self._mesh = mesh
        self._sums = GradientSums(mesh, reduction)
        self._groups = layout.replicated
        self._stores = [_store_of(group, pool, optimizer, mesh.compiled) for group in self._groups]
        self.features = [
            [feature for of_table in group.features for feature in of_table]
            for group in self._groups
        ]
        """That read each group of tables, in the order in which they are looked up."""
        # Hot rows are read from the shards that own them.
        for table, fields in ((each.table, each.fields) for each in self.replicas):
            whole = PlannedShard(0, 0, 0, table.rows, table.dim)
            fill_initial(fields[WEIGHT], table, whole, seed)
        shapes = [(group.base_rows[-1], group.width) for group in self._groups]
        numbers = sum(rows * width for rows, width in shapes)
        pool.charge(4 * numbers + self._sums.pairs_bytes(numbers), "gradients")
        self._rests = [
            pool.allocate(shape, torch.float32, "unsent gradients")
            for shape in (shapes if self._sums.leaves_rest else ())
        ]

    @property
    def replicas(self) -> list[Replica]:
        """Each data-parallel table by itself; its fields are where the table is trained."""
        return [each for each in self._every if not each.table.is_hot_part]

    @property
    def hot_parts(self) -> list[Replica]:
        """The same of the hot rows of each table that keeps some."""
        return [each for each in self._every if each.table.is_hot_part]

    @property
    def _every(self) -> list[Replica]:
        return [
            Replica(table, {name: field[first:end] for name, field in fields.items()})
            for group, fields in zip(self._groups, (s.settled() for s in self._stores), strict=True)
            for table, (first, end) in zip(group.tables, pairwise(group.base_rows), strict=True)
        ]

    @property
    def rests(self) -> list[tuple[PlannedTable, Tensor]]:
        """Of each table (rows, dim) fp32: gradients that this rank has not sent yet; none where
        all are sent."""
        return [
            (table, rest[first:end])
            for group, rest in zip(self._groups, self._rests, strict=False)
            for table, (first, end) in zip(group.tables, pairwise(group.base_rows), strict=True)
        ]

    @property
    def columns(self) -> int:
        """Of the output, those that these tables give."""
        pairs = zip(self._groups, self.features, strict=True)
        return sum(group.width * len(features) for group, features in pairs)

    def lookup(self, inputs: Sequence[Bags]) -> list[Tensor]:
        """Of each group (bags..., width) fp32: the sum of each bag's rows by their weights."""
        return [store.lookup(bags) for store, bags in zip(self._stores, inputs, strict=True)]

    def sum_gradients(
        self, inputs: Sequence[Bags], gradients: Sequence[Sequence[Tensor]]
    ) -> list[SummedRows]:
        """Of each group; ``gradients`` are those of its bags, of this rank's own samples.

        In parts (bags..., width) of one tensor.
        """
        widths = [group.width for group in self._groups]
        found = [
            RowGradients(*each, self._mesh.compiled) for each in zip(inputs, gradients, strict=True)
        ]
        self._spread(found)
        sizes = [len(each.rows) * width for each, width in zip(found, widths, strict=True)]
        flat = torch.empty(sum(sizes), device=self._mesh.device)
        pairs = zip(flat.split(sizes), widths, strict=True)
        summed = [
            SummedRows(each.rows, part.view(-1, width))
            for each, (part, width) in zip(found, pairs, strict=True)
        ]
        for each, whole in zip(found, summed, strict=True):
            each.fill(whole.sums)
        for of_group, rest in zip(summed, self._rests, strict=False):
            of_group.sums.add_(rest.index_select(0, of_group.rows))
        self._sums.sum(flat, partial(self._keep_rests, summed), _SUMS)
        return summed

    def update(self, rule: UpdateRule, summed: Sequence[SummedRows], scale: float) -> None:
        """Run the optimizer over the rows that any rank read, as if the tables lay on one rank.

        The sums, times ``scale``, are used up.
        """
        for store, each in zip(self._stores, summed, strict=True):
            store.update(rule, replace(each, scale=scale), None, each.sums.shape[1])

    def _keep_rests(self, unsent: Sequence[SummedRows]) -> None:
        for each, rest in zip(unsent, self._rests, strict=True):
            rest.index_copy_(0, each.rows, each.sums)

    def _spread(self, gradients: Sequence[RowGradients]) -> None:
        """To the rows that any rank read: each tells the others its own, a byte for every row."""
        ends = [*accumulate(group.base_rows[-1] for group in self._groups)]
        marks = torch.zeros(ends[-1], dtype=torch.uint8, device=self._mesh.device)
        own = marks.tensor_split(ends[:-1])
        for each, mark in zip(gradients, own, strict=True):
            mark[each.rows] = 1
        anyone = self._mesh.all.all_gather(marks, _ROWS).amax(0).tensor_split(ends[:-1])
        for each, mark, read in zip(gradients, own, anyone, strict=True):
            rows = read.nonzero().view(-1)
            each.spread(rows, mark[rows])


def _store_of(
    group: ReplicaLayout,
    pool: MemoryPool,
    optimizer: OptimizerSettings,
    compiled: CompiledRows | None,
) -> GroupStore:
    rows, dtype = group.base_rows[-1], DTYPES[group.tables[0].dtype]
    state = {
        name: ResidentRows(pool.allocate((rows, columns), torch.float32, "state"), pool.device)
        for name, columns in optimizer.state_columns(group.width).items()
    }
    weights = pool.allocate((rows, group.width), dtype, "weights")
    return GroupStore(ResidentRows(weights, pool.device), state, compiled)
