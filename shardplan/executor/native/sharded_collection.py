"""What all sharded collections on ``torch.distributed`` have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from shardplan.cost.phases import ALL_REDUCE, GRADIENT_COMM, PREFETCH, UPDATE_BACKWARD
from shardplan.executor.exchange.input_dist import InputDist
from shardplan.executor.memory.memory_pool import Pools
from shardplan.executor.native.phase_clock import PhaseClock
from shardplan.executor.planned.module_layout import ModuleLayout
from shardplan.executor.tables.group_store import store_of
from shardplan.executor.tables.hot_rows import HotRows
from shardplan.executor.tables.replicated_tables import ReplicatedTables
from shardplan.executor.tables.row_gradients import RowGradients
from shardplan.executor.tables.row_squares import RowSquares
from shardplan.executor.tables.shard_group import ShardGroup
from shardplan.executor.tables.update_rule import UpdateRule
from shardplan.workload.optimizers.optimizer import Optimizer
from shardplan.workload.wire.reduction import Reduction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shardplan.executor.exchange.mesh import Mesh
    from shardplan.executor.exchange.rank_inputs import RankInputs
    from shardplan.executor.planned.module_layout import GroupLayout
    from shardplan.executor.planned.optimizer_settings import OptimizerSettings
    from shardplan.executor.planned.planned_table import PlannedTable
    from shardplan.executor.tensors.tensor import Tensor

FP32_BYTES = 4


class ShardedCollection(torch.nn.Module):  # type: ignore[misc]
    """The tables of one module, sharded as a plan says, and their fused optimizer.

    ``backward`` updates the rows that the batch read, by the gradient of the mean of all ranks'
    losses (each rank's own loss is a mean over its samples, as with DistributedDataParallel). All
    ranks call everything in the same order.

    Collections that pool and those that do not differ in what they look up and how it travels:
    they have ``start``, ``advance`` and ``finish`` for a batch's ids, and ``forward``.
    """

    def __init__(
        self,
        tables: Sequence[PlannedTable],
        mesh: Mesh,
        optimizer: OptimizerSettings,
        *,
        is_weighted: bool,
        is_hierarchical: bool,
        reduction: Reduction | None,
        pools: Pools | None,
        clock: PhaseClock | None,
        seed: int,
    ) -> None:
        """Allocate this rank's shards and nothing else. Raises MemoryExceeded.

        A collective where tables keep hot rows.
        """
        super().__init__()
        self.layout = ModuleLayout(tables, mesh.world_size, is_hierarchical)
        self.mesh = mesh
        self.optimizer = optimizer
        self.pools = pools or Pools.on(mesh.device)
        self.clock = clock or PhaseClock(mesh.device)
        self.steps = 0
        """Updates so far."""
        self._inputs = InputDist(self.layout, mesh, self.pools.hbm, is_weighted)
        self._squares = RowSquares(self.layout, mesh)
        self.groups = [
            ShardGroup(
                group, store_of(group, optimizer, self.pools, mesh.compiled), self.pools.hbm, seed
            )
            for group in self.layout.groups[mesh.rank]
        ]
        self.replicated = ReplicatedTables(
            self.layout, mesh, self.pools.hbm, optimizer, reduction or Reduction(), seed
        )
        self.hot_rows = HotRows(self.groups, self.replicated, mesh)
        self.hot_rows.fetch()
        # A leaf that wants a gradient, so that autograd calls ``backward`` for the tables' sake.
        self._anchor = torch.zeros((), device=mesh.device, requires_grad=True)

    def start(self, batch: Any) -> Any:
        """Begin to send a batch's ids."""
        raise NotImplementedError

    def advance(self, batch: Any) -> None:
        """Send the ids themselves, once the lengths are here."""
        raise NotImplementedError

    def finish(self, batch: Any) -> Any:
        """Wait for a batch's ids."""
        raise NotImplementedError

    def stage(self, inputs: Any) -> None:
        """Bring the rows of a batch into the caches, before it is looked up."""
        raise NotImplementedError

    def _stage(self, inputs: RankInputs) -> None:
        with self.clock.phase(PREFETCH):
            for group, bags in zip(self.groups, inputs.groups, strict=True):
                group.stage(bags)

    def _apply(
        self,
        inputs: RankInputs,
        received: Mapping[GroupLayout, Sequence[Tensor]],
        of_replicas: Sequence[Sequence[Tensor]],
    ) -> None:
        """Sum gradients by row, and let the optimizer run.

        ``received`` are those of each group's bags, already divided by the number of ranks;
        ``of_replicas`` those of each group of data-parallel tables, of this rank alone.
        """
        rule = UpdateRule(self.optimizer, self.steps)
        with self.clock.phase(UPDATE_BACKWARD):
            sums = [
                RowGradients(bags, received[group.layout], self.mesh.compiled)
                for group, bags in zip(self.groups, inputs.groups, strict=True)
            ]
        squares = self._complete_squares(sums)
        with self.clock.phase(UPDATE_BACKWARD):
            for group, rows, square in zip(self.groups, sums, squares, strict=True):
                group.update(rule, rows, square)
        if self.layout.replicated:
            with self.clock.phase(ALL_REDUCE):
                summed = self.replicated.sum_gradients(inputs.replicated, of_replicas)
            with self.clock.phase(UPDATE_BACKWARD):
                self.replicated.update(rule, summed, 1 / self.mesh.world_size)

    def _complete_squares(self, sums: Sequence[RowGradients]) -> Sequence[Tensor | None]:
        if self.optimizer.kind is not Optimizer.ROWWISE_ADAGRAD or not self._squares.is_needed:
            return [None] * len(sums)
        with self.clock.phase(GRADIENT_COMM):
            return self._squares.complete(self.groups, sums)

    def _release(self, inputs: RankInputs) -> None:
        """A batch is no longer in flight."""
        for group, bags in zip(self.groups, inputs.groups, strict=True):
            group.release(bags)
        self.pools.hbm.release(inputs.held_bytes, "ids")
