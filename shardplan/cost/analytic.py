"""The analytic cost model: a few physical terms per phase, with the figures of a profile."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.collectives import Collectives
from shardplan.cost.communication import Communication
from shardplan.cost.cost_model import Phase, UnitCosts
from shardplan.cost.lookup import OUTPUT_ELEMENT_BYTES, LookupSums, host_rates
from shardplan.cost.memory import (
    GRADIENT_ELEMENT_BYTES,
    base_bytes,
    state_row_bytes,
    unit_bytes,
)
from shardplan.cost.shares import Shares, TableArrays
from shardplan.errors import ShardplanError
from shardplan.options.kernel import KERNELS, Kernel
from shardplan.options.sharding_type import ShardingType

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.profile import KernelCosts, Profile
    from shardplan.options.option_set import OptionSet
    from shardplan.topology.topology import Topology
    from shardplan.workload.workload import Workload

_KERNELS = (Kernel.DENSE, Kernel.FUSED, Kernel.FUSED_UVM)


@dataclass(frozen=True, eq=False)
class AnalyticCostModel:
    """Predicts what every option costs; see ``docs/cost-model.md`` for the derivations.

    Implements ``CostModel``. Raises ``ShardplanError`` for kernels that it has no formula for, and
    for ``fused_uvm`` on a topology without DDR.
    """

    workload: Workload
    topology: Topology
    profile: Profile

    @cached_property
    def phases(self) -> tuple[Phase, ...]:
        """In the order of the columns of ``load_seconds``."""
        wire = self._communication
        return (
            Phase("ids_comm", True, wire.ids.constant_seconds),
            Phase("lookup_forward", False, self.profile.lookup_forward.launch_seconds),
            Phase("output_comm", False, wire.output.whole_rows.constant_seconds),
            Phase("gradient_comm", False, wire.gradient.whole_rows.constant_seconds),
            Phase("update_backward", False, self.profile.update_backward.launch_seconds),
            Phase("all_reduce"),
        )

    @cached_property
    def base_memory_bytes(self) -> NDArray[np.float64]:
        """(3,): the dense model and the pooled outputs of the rank's own samples."""
        return base_bytes(self.workload, self._tables, self.topology.world_size)

    def unit_costs(self, options: OptionSet) -> UnitCosts:
        """Seconds per phase and bytes per tier of one unit on each device that it lands on."""
        self._check_kernels(options)
        topology, wire = self.topology, self._communication
        shares = Shares.of(
            self._tables,
            options,
            self.workload.global_batch,
            topology,
            self.profile.on_chip_cache_bytes,
        )
        load = np.column_stack(
            [
                wire.ids_seconds(shares, options),
                self._lookup_seconds(shares, options),
                wire.output.seconds(shares, options),
                wire.gradient.seconds(shares, options),
                self._update_seconds(shares, options),
                wire.all_reduce_seconds(shares, options),
            ]
        )
        return UnitCosts(load, unit_bytes(shares, options, self.workload.training))

    def weight_bytes(
        self, table: int, rows: int, columns: int, kernel: int
    ) -> tuple[float, float, float]:
        """Bytes per tier of one shard: weights and optimizer state."""
        optimizer = self.workload.training.optimizer
        row_bytes = columns * self.workload.tables[table].dtype.bytes
        stored = float(rows * (row_bytes + state_row_bytes(optimizer, columns)))
        in_ddr = KERNELS[kernel] is Kernel.FUSED_UVM
        return (0.0, stored, 0.0) if in_ddr else (stored, 0.0, 0.0)

    @cached_property
    def _tables(self) -> TableArrays:
        return TableArrays.of(self.workload, self.topology.world_size)

    @cached_property
    def _communication(self) -> Communication:
        collectives = Collectives(self.topology, self.profile)
        return Communication.of(collectives, self.workload, self._tables)

    @cached_property
    def _page_share(self) -> float:
        """Where the outputs of all tables are spread evenly over the devices."""
        columns = float((self._tables.features * self._tables.dim).sum())
        sample_bytes = columns / self.topology.world_size * OUTPUT_ELEMENT_BYTES
        return self.profile.page_share(sample_bytes)

    def _lookup_seconds(self, shares: Shares, options: OptionSet) -> NDArray[np.float64]:
        sums = LookupSums.of(shares, page_share=self._page_share)
        return self._kernel_seconds(self.profile.lookup_forward, sums, options)

    def _update_seconds(self, shares: Shares, options: OptionSet) -> NDArray[np.float64]:
        """The fused update of the rows touched; a data-parallel table is updated in whole.

        Its dense gradient is read, its weights are read and written, and so is its state.
        """
        state = state_row_bytes(self.workload.training.optimizer, shares.columns)
        fused = self._kernel_seconds(
            self.profile.update_backward, LookupSums.of(shares, state, self._page_share), options
        )
        row_bytes = shares.columns * GRADIENT_ELEMENT_BYTES
        swept = shares.shard_rows * (3 * row_bytes + 2 * state)
        sweep = swept / self.profile.dense_update_bytes_per_second
        return fused + np.where(options.is_type(ShardingType.DATA_PARALLEL), sweep, 0.0)

    def _kernel_seconds(
        self, costs: KernelCosts, sums: LookupSums, options: OptionSet
    ) -> NDArray[np.float64]:
        in_hbm = sums.seconds(costs.hbm)
        ddr = self.topology.ddr
        if ddr is None:
            return in_hbm
        rates = host_rates(
            costs,
            self.topology.read_share_bytes_per_second(ddr),
            self.topology.write_share_bytes_per_second(ddr),
        )
        return np.where(options.has_kernel(Kernel.FUSED_UVM), sums.seconds(rates), in_hbm)

    def _check_kernels(self, options: OptionSet) -> None:
        known = options.has_kernel(*_KERNELS)
        if not known.all():
            kernel = options.compute_kernel(int(np.flatnonzero(~known)[0]))
            raise ShardplanError(f"the analytic cost model has no formula for the kernel {kernel}")
        if self.topology.ddr is None and options.has_kernel(Kernel.FUSED_UVM).any():
            raise ShardplanError(
                f"topology {self.topology.name} has no DDR for the kernel fused_uvm"
            )
