"""The analytic cost model: a few physical terms per phase, with the figures of a profile."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.analytic.collectives import Collectives
from shardplan.cost.analytic.communication import Communication
from shardplan.cost.analytic.lookup import OUTPUT_ELEMENT_BYTES, LookupSums, host_rates
from shardplan.cost.analytic.memory import GRADIENT_ELEMENT_BYTES, base_bytes, unit_bytes
from shardplan.cost.analytic.prefetch import prefetch_seconds
from shardplan.cost.analytic.shares import Shares, TableArrays
from shardplan.cost.analytic.storage import Storage, state_in_ddr, state_row_bytes
from shardplan.cost.analytic.traffic import traffic_of
from shardplan.cost.cost_model import Phase, UnitCosts
from shardplan.errors import ShardplanError
from shardplan.sharding.kernel import KERNELS
from shardplan.sharding.world import Extent
from shardplan.workload.training import Pipeline

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.cost_model import Traffic
    from shardplan.cost.profile.profile import KernelCosts, LookupRates, Profile
    from shardplan.options.option_set import OptionSet
    from shardplan.sharding.kernel import Kernel
    from shardplan.topology.topology import Topology
    from shardplan.workload.workload import Workload


@dataclass(frozen=True, eq=False)
class AnalyticCostModel:
    """Predicts what every option costs; see ``docs/cost-model.md`` for the derivations.

    Implements ``CostModel``. Raises ``ShardplanError`` for kernels that cache where the profile has
    no figures of caches, and for kernels of a tier that the topology lacks.
    """

    workload: Workload
    topology: Topology
    profile: Profile

    @cached_property
    def phases(self) -> tuple[Phase, ...]:
        """In the order of the columns of ``load_seconds``."""
        wire = self._communication
        prefetches = self.workload.training.pipeline is Pipeline.PREFETCH_SPARSE_DIST
        return (
            Phase("ids_comm", True, wire.ids.constant_seconds),
            Phase("prefetch", prefetches),
            Phase("lookup_forward", False, self.profile.lookup_forward.launch_seconds),
            Phase("output_comm", False, wire.output.whole_rows.constant_seconds),
            Phase("gradient_comm", False, wire.gradient.whole_rows.constant_seconds),
            Phase("update_backward", False, self.profile.update_backward.launch_seconds),
            Phase("all_reduce"),
        )

    @cached_property
    def _memory_phases(self) -> list[int]:
        """The columns of phases in which devices read and write memory that they share."""
        names = [phase.name for phase in self.phases]
        return [names.index(name) for name in ("prefetch", "lookup_forward", "update_backward")]

    @cached_property
    def base_memory_bytes(self) -> NDArray[np.float64]:
        """(3,): the dense model, and the ids and pooled outputs of the rank's own samples."""
        return base_bytes(self.workload, self._tables, self.topology.world_size)

    @property
    def kernels(self) -> frozenset[Kernel]:
        """All, but those that cache where the profile has no figures of caches."""
        knows_caches = self.profile.cache is not None
        return frozenset(kernel for kernel in KERNELS if knows_caches or not kernel.caches)

    @property
    def mixes_caches(self) -> bool:
        """Bytes are linear in the shares that caches hold, seconds convex."""
        return True

    def unit_costs(self, options: OptionSet) -> UnitCosts:
        """Seconds per phase and bytes per tier of one unit on each device that it lands on."""
        self._check_kernels(options)
        shares, wire = self.shares(options), self._communication
        prefetch, lookup, update = self._memory_seconds(
            shares, options, self.topology.devices_per_node
        )
        load = np.column_stack(
            [
                wire.ids_seconds(shares, options),
                prefetch,
                lookup,
                wire.output.seconds(shares, options),
                wire.gradient.seconds(shares, options),
                update,
                wire.all_reduce_seconds(shares, options),
            ]
        )
        memory = unit_bytes(shares, options, self._storage)
        spill = self._spill_seconds(shares, options, load)
        if spill is None:
            return UnitCosts(load, memory)
        return UnitCosts(load - spill * (self.topology.devices_per_node - 1), memory, spill)

    def _spill_seconds(
        self, shares: Shares, options: OptionSet, load: NDArray[np.float64]
    ) -> NDArray[np.float64] | None:
        """(O, P): what units on one device add to each other device of the node.

        ``load`` (O, P) is what they add to their own if all devices of the node do as much. What
        of it they would not take alone is spilt evenly on all others: the straight line is exact
        where a single device uses what is shared, and where all do alike.
        """
        others = self.topology.devices_per_node - 1
        in_host = options.has_kernel(lambda kernel: kernel.needs_ddr)
        on_device = options.has_type(lambda kind: kind.lands is Extent.DEVICE)
        if not others or not (in_host & on_device).any():
            return None
        spill = np.zeros_like(load)
        alone = np.column_stack(self._memory_seconds(shares, options, 1))
        waits = (load[:, self._memory_phases] - alone) / others
        spill[:, self._memory_phases] = np.where(on_device[:, None], waits, 0.0)
        return spill if spill.any() else None

    def shares(self, options: OptionSet) -> Shares:
        """What each unit holds and does on each device that it lands on."""
        return Shares.of(
            self._tables,
            options,
            self.workload.global_batch,
            self.topology,
            self.profile.on_chip_cache_bytes,
        )

    def traffic(self, options: OptionSet) -> Traffic:
        """What each unit moves between the tiers in one step."""
        optimizer = self.workload.training.optimizer
        cache = self.profile.cache
        page = cache.ssd_page_bytes if cache else 1
        return traffic_of(self.shares(options), options, optimizer, page)

    def shard_bytes(
        self, options: OptionSet, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(O, 3): bytes of a shard of this size in each tier: weights, state, caches."""
        return self._storage.bytes(
            options, rows, columns, self._tables.element_bytes[options.table]
        )

    @cached_property
    def _storage(self) -> Storage:
        cache = self.profile.cache
        return Storage(self.workload.training, cache.ddr_entry_bytes if cache else 0)

    @cached_property
    def _tables(self) -> TableArrays:
        return TableArrays.of(self.workload, self.topology)

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

    def _memory_seconds(
        self, shares: Shares, options: OptionSet, devices: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """(O,) each, prefetch, lookup and update, if so many devices of a node do alike."""
        sums = LookupSums.of(shares, page_share=self._page_share)
        return (
            self._prefetch_seconds(shares, options, devices),
            self._kernel_seconds(self.profile.lookup_forward, sums, options, devices),
            self._update_seconds(shares, sums, options, devices),
        )

    def _prefetch_seconds(
        self, shares: Shares, options: OptionSet, devices: int
    ) -> NDArray[np.float64]:
        if self.profile.cache is None:
            return np.zeros(len(options))
        return prefetch_seconds(shares, options, self.profile.cache, self.topology, devices)

    def _update_seconds(
        self, shares: Shares, sums: LookupSums, options: OptionSet, devices: int
    ) -> NDArray[np.float64]:
        """The fused update of the rows touched, and of their state, where it lies.

        A data-parallel table is updated in whole: its dense gradient is read, its weights are read
        and written, and so is its state.
        """
        costs, optimizer = self.profile.update_backward, self.workload.training.optimizer
        fused = self._kernel_seconds(costs, sums, options, devices)
        state = state_row_bytes(optimizer, shares.columns)
        per_state_byte = np.where(
            state_in_ddr(options, optimizer),
            self._host_rates(costs, devices).per_unique_byte,
            costs.hbm.per_unique_byte,
        )
        row_bytes = shares.columns * GRADIENT_ELEMENT_BYTES
        swept = shares.shard_rows * (3 * row_bytes + 2 * state)
        sweep = swept / self.profile.dense_update_bytes_per_second
        replicated = options.has_type(lambda kind: kind.is_replicated)
        return (
            fused + per_state_byte * shares.unique_rows * state + np.where(replicated, sweep, 0.0)
        )

    def _kernel_seconds(
        self, costs: KernelCosts, sums: LookupSums, options: OptionSet, devices: int
    ) -> NDArray[np.float64]:
        """Rows are read where they lie; those of caches have been brought to HBM before."""
        in_ddr = options.has_kernel(lambda kernel: kernel.reads_ddr)
        in_host = sums.seconds(self._host_rates(costs, devices))
        return np.where(in_ddr, in_host, sums.seconds(costs.hbm))

    def _host_rates(self, costs: KernelCosts, devices: int) -> LookupRates:
        """What rows in DDR cost, if so many devices of a node read them; without DDR none do."""
        ddr = self.topology.ddr
        if ddr is None:
            return costs.hbm
        return host_rates(
            costs,
            self.topology.read_share_bytes_per_second(ddr, devices),
            self.topology.write_share_bytes_per_second(ddr, devices),
        )

    def _check_kernels(self, options: OptionSet) -> None:
        used = {options.compute_kernel(int(at)) for at in np.unique(options.kernel, True)[1]}
        unknown = sorted(map(str, used - self.kernels))
        if unknown:
            name = self.profile.name
            raise ShardplanError(f"cost model {name} has no figures for the kernel {unknown[0]}")
        for tier, needed, kernels in (
            (self.topology.ddr, "DDR", {kernel for kernel in used if kernel.needs_ddr}),
            (self.topology.ssd, "SSD", {kernel for kernel in used if kernel.is_on_ssd}),
        ):
            missing = sorted(map(str, kernels))
            if tier is None and missing:
                name = self.topology.name
                raise ShardplanError(f"topology {name} has no {needed} for the kernel {missing[0]}")
