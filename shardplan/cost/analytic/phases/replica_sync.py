"""Replicas of a shard are averaged over the groups that hold them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.cost.analytic.linear_phase import LinearPhase
from shardplan.cost.analytic.phases.map_merge import MapMerge
from shardplan.cost.analytic.storage import state_in_ddr
from shardplan.cost.phases import REPLICA_SYNC
from shardplan.sharding.kernel import KERNELS, MemoryTier
from shardplan.topology.collective import Collective, Scope

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.analytic.setting import Setting
    from shardplan.cost.analytic.units import Units
    from shardplan.cost.phase import Phase
    from shardplan.cost.profile.curves import Line
    from shardplan.sharding.kernel import Kernel
    from shardplan.topology.topology import Topology
    from shardplan.workload.optimizers.optimizer_state import OptimizerState
    from shardplan.workload.training import ReplicaSync


@dataclass(frozen=True, slots=True)
class ReplicaSyncPhase(LinearPhase):
    """An all-reduce of all that a device holds, among the devices that hold the same: of weights,
    and of the optimizer's state. Its part of each step, where it is done in some steps alone.

    What lies in DDR crosses the host link first, and comes back. Maps of ids are merged first.
    """

    about = REPLICA_SYNC
    shares_memory = True
    sync: ReplicaSync
    state: OptimizerState
    all_reduce: Line
    merge: MapMerge
    topology: Topology

    @classmethod
    def of(cls, setting: Setting) -> Self | None:
        """None where no other devices hold the tables too."""
        replicas, sync = setting.topology.replicas, setting.training.replica_sync
        if replicas is None or sync is None:
            return None
        tables, state = setting.tables, setting.training.state
        held = tables.rows * (tables.dim * _of_weight(sync, state) + _of_row(sync, state))
        each_bytes = float(held.sum()) / setting.topology.world_size
        collectives = setting.collectives_of(replicas.of_shard)
        line = collectives.line(Collective.ALL_REDUCE, Scope.ALL, each_bytes)
        merge = MapMerge.of(setting, replicas.of_shard)
        return cls(sync, state, line, merge, setting.topology)

    @property
    def phase(self) -> Phase:
        """Its constant is the start-up."""
        seconds = self.all_reduce.constant_seconds + self.merge.constant_seconds
        return replace(self.about, constant_seconds=seconds / self.sync.every)

    def unit_seconds(self, units: Units, devices: int) -> NDArray[np.float64]:
        """(O,): by the bytes that a unit holds on a device."""
        shares, options = units.shares, units.options
        rows = shares.shards * shares.shard_rows
        weights = rows * shares.columns
        sent = weights * _of_weight(self.sync, self.state) + rows * _of_row(self.sync, self.state)
        seconds = sent * self.all_reduce.seconds_per_byte
        seconds = seconds + self.merge.seconds(rows, shares.map_row_bytes)
        weight_bytes = weights * shares.element_bytes
        for tier, number in (
            (self.topology.ddr, MemoryTier.DDR),
            (self.topology.ssd, MemoryTier.SSD),
        ):
            if tier is not None:
                lies = KERNELS.each(partial(_lies_in, number), options.kernel)
                crossing = np.where(lies, weight_bytes, 0)
                if number is MemoryTier.DDR and self.sync.with_state:
                    kept = weights * self.state.bytes_per_weight
                    crossing = crossing + np.where(state_in_ddr(options), kept, 0)
                seconds = seconds + crossing * self.topology.swap_seconds_per_byte(tier, devices)
        found: NDArray[np.float64] = seconds / self.sync.every
        return found


def _lies_in(tier: MemoryTier, kernel: Kernel) -> bool:
    return kernel.rows_in is tier


def _of_weight(sync: ReplicaSync, state: OptimizerState) -> int:
    """Bytes that are sent for each weight."""
    kept = sum(not each.is_per_row for each in state.tensors) if sync.with_state else 0
    return sync.dtype.bytes * (1 + kept)


def _of_row(sync: ReplicaSync, state: OptimizerState) -> int:
    """Bytes that are sent for each row of each column shard, however wide."""
    kept = sum(each.is_per_row for each in state.tensors) if sync.with_state else 0
    return sync.dtype.bytes * kept
