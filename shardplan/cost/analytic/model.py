"""The analytic cost model: a few physical terms per phase, with the figures of a profile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.analytic.charge_groups import ChargeGroups
from shardplan.cost.analytic.hot.copies_elsewhere import CopiesElsewhere
from shardplan.cost.analytic.hot.hot_reads import RowReads
from shardplan.cost.analytic.hot.replicas import Replicas, replicated, sharded
from shardplan.cost.analytic.memory import base_bytes, unit_bytes
from shardplan.cost.analytic.phases.all_phases import phases_of
from shardplan.cost.analytic.phases.spilt_seconds import spilt_seconds
from shardplan.cost.analytic.setting import Setting
from shardplan.cost.analytic.shares import Shares
from shardplan.cost.analytic.storage import Storage
from shardplan.cost.analytic.traffic import traffic_of
from shardplan.cost.analytic.units import Units
from shardplan.cost.cost_model import BlockCosts, UnitCosts
from shardplan.cost.phases import DENSE
from shardplan.cost.pipelined import pipelined
from shardplan.cost.row_blocks import other_blocks
from shardplan.errors import ShardplanError
from shardplan.sharding.kernel import KERNELS
from shardplan.sharding.world import Extent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.analytic.linear_phase import LinearPhase
    from shardplan.cost.analytic.readings import BlockReadings
    from shardplan.cost.cost_model import Charges, Traffic
    from shardplan.cost.dense_costs import DenseCosts
    from shardplan.cost.framework.framework_profile import FrameworkProfile
    from shardplan.cost.phase import Phase
    from shardplan.cost.profile.profile import Profile
    from shardplan.options.option_set import OptionSet
    from shardplan.sharding.kernel import Kernel
    from shardplan.topology.topology import Topology
    from shardplan.workload.wire.reduction import Reduction
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
    framework: FrameworkProfile | None = None
    """None: no framework's costs are counted."""

    @cached_property
    def phases(self) -> tuple[Phase, ...]:
        """In the order of the columns of ``load_seconds``."""
        course = self.workload.training.pipeline.course
        return tuple(pipelined(each.phase, course, self.dense) for each in self._phases)

    @cached_property
    def dense(self) -> DenseCosts:
        """From layers where the spec has them; sums that hide belong to ``AllReduce``."""
        dense = self._setting.dense.times(self.profile.corrections.factor_of(DENSE.name))
        if self._setting.sums_beside_backward:
            return replace(dense, all_reduce_seconds=0.0)
        return dense

    @cached_property
    def base_memory_bytes(self) -> NDArray[np.float64]:
        """(3,): the dense model, and the ids and pooled outputs of the rank's own samples."""
        topology = self.topology
        return base_bytes(self.workload, self._setting.tables, topology.world, topology.whole.world)

    @property
    def reduction(self) -> Reduction:
        """The quickest by its figures, where the training leaves open which."""
        return self._setting.reduction

    @property
    def kernels(self) -> frozenset[Kernel]:
        """All of whose kind the profile has figures: of caches, of dynamic tables."""
        cache, dynamic = self.profile.cache, self.profile.dynamic
        return frozenset(
            kernel
            for kernel in KERNELS
            if (dynamic if kernel.is_dynamic else cache or not kernel.caches)
        )

    @property
    def mixes_caches(self) -> bool:
        """Bytes are linear in the shares that caches hold, seconds convex."""
        return True

    @property
    def prices_hot_rows(self) -> bool:
        """As a sharded table and a data-parallel one."""
        return True

    def repriced(self, profile: Profile, framework: FrameworkProfile | None) -> AnalyticCostModel:
        """The same by other figures; what batches read of the tables is not worked out again."""
        other = replace(self, profile=profile, framework=framework)
        vars(other)["_setting"] = self._setting.repriced(profile, framework)
        return other

    def unit_costs(self, options: OptionSet) -> UnitCosts:
        """Seconds per phase and bytes per tier of one unit on each device that it lands on."""
        self._check_kernels(options)
        return self.unit_costs_of(self.units(options))

    def units(self, options: OptionSet) -> Units:
        """What one unit of each option holds and does; other figures change nothing of it but what
        the on-chip cache misses."""
        return self._units(options, self.shares(options))

    def _units(self, options: OptionSet, shares: Shares) -> Units:
        of_ids = self.profile.page_shares(shares.columns * shares.output_bytes)
        page_share = np.where(shares.is_pooled, self._setting.page_share, of_ids)
        return Units(options, shares, page_share, self._replicas(options))

    def _replicas(self, options: OptionSet) -> Replicas | None:
        """The hot rows that the devices hold besides on which units land, if these are all."""
        keep = np.flatnonzero(
            options.has_type(lambda kind: kind.keeps_hot_rows and not kind.keeps_copies_elsewhere)
        )
        return Replicas(keep, self._copies(options.take(keep))) if len(keep) else None

    def _copies(self, options: OptionSet) -> Units:
        """What each device holds of the hot rows of options, and does with them."""
        hot = self._row_reads.hot(options)
        return self._units(*replicated(options, hot, self._shares_of_rows))

    def mean_seconds(self, options: OptionSet) -> NDArray[np.float64]:
        """(O, P): as if all row blocks of a table were read alike, which also spreads what caches
        in front of them miss most evenly."""
        self._check_kernels(options)
        return self.unit_costs_of(
            self._units(options, self.shares(options, on_average=True))
        ).load_seconds

    def unit_costs_of(self, units: Units) -> UnitCosts:
        """The same as ``unit_costs``, of units that are known."""
        options = units.options
        each = self.topology.devices_per_node
        load = np.column_stack([phase.unit_seconds(units, each) for phase in self._phases])
        spill = spilt_seconds(self._phases, units, load, each)
        everywhere = self._everywhere_seconds(units)
        on_device = options.has_type(lambda kind: kind.lands is Extent.DEVICE)[:, None]
        load = load - spill * (each - 1) + everywhere
        if units.replicas is not None:
            besides = self.unit_costs_of(units.replicas.units)
            load[units.replicas.of_option] += besides.load_seconds
        return UnitCosts(load, self._memory(units), spill + everywhere * on_device)

    def _memory(self, units: Units) -> NDArray[np.float64]:
        """(O, 3): bytes of each tier that units need, hot rows included."""
        memory = unit_bytes(units.shares, units.options, self._storage, self._setting.summing)
        if units.replicas is not None:
            memory[units.replicas.of_option] += self._memory(units.replicas.units)
        return memory

    def _everywhere_seconds(self, units: Units) -> NDArray[np.float64]:
        """(O, P): what units add to every device of the node."""
        return np.column_stack([phase.everywhere_seconds(units) for phase in self._phases])

    def block_costs(self, options: OptionSet) -> BlockCosts:
        """Of tables whose blocks are uneven every block; of others the last, if it is lower: it
        takes as long as the first, which the devices after it wait for."""
        tables, world = self._setting.tables, self.topology.world
        uneven = np.array([table.is_uneven for table in self.workload.tables], dtype=bool)
        busiest = tables.readings.busiest_blocks(
            self.workload, options.table, options.row_shards(world)
        )
        # Beside hot rows that come first, no block has as much to do as all are charged.
        busiest[options.keep_hot_rows & uneven[options.table]] = -1
        option, block, held = other_blocks(options, tables.rows, uneven, world, busiest)
        alike, first = np.unique(option, return_inverse=True)
        charged = self.unit_costs(options.take(alike))
        cut = options.take(option)
        readings = tables.readings.of_blocks(
            self.workload, world.size, cut.table, cut.row_shards(world), block
        )
        shares = replace(self.shares(cut, readings, block), shard_rows=held)
        units = self._units(cut, shares)
        each = self.topology.devices_per_node
        load = np.column_stack([phase.unit_seconds(units, each) for phase in self._phases])
        load += self._everywhere_seconds(units)
        if units.replicas is not None:
            load[units.replicas.of_option] += self.unit_costs_of(units.replicas.units).load_seconds
        most, is_alike = charged.load_seconds[first], ~uneven[cut.table][:, None]
        return BlockCosts(
            option,
            block,
            np.where(is_alike, most, np.minimum(load, most)),
            np.minimum(self._memory(units), charged.memory_bytes[first]),
            self._traffic(shares, cut),
        )

    def charges(self, options: OptionSet) -> Charges:
        """Once for each sharding type of a module; and for copies of hot rows beside units."""
        groups = ChargeGroups.of(self.workload.tables)
        seconds = [phase.charge_seconds(groups) for phase in self._phases]
        found = groups.charges(options, np.column_stack(seconds))
        kept = CopiesElsewhere.of(options)
        if not len(kept.copied):
            return found
        costs = self.unit_costs_of(self._copies(kept.copied))
        return found.and_besides(kept.charges(costs, self.workload.tables))

    def shares(
        self,
        options: OptionSet,
        blocks: BlockReadings | None = None,
        block: NDArray[np.int64] | None = None,
        *,
        on_average: bool = False,
    ) -> Shares:
        """What each unit holds and does on each device that it lands on, or that holds a block;
        ``block`` (O,) is the number of that."""
        found = self._shares_of_rows(options, blocks, on_average=on_average)
        keep = np.flatnonzero(options.keep_hot_rows)
        if not len(keep):
            return found
        some, world = options.take(keep), self.topology.world
        cut = some.row_shards(world)
        numbers = None if block is None else block[keep]
        cold = self._row_reads.cold(some, cut, numbers, on_average=on_average)
        return found.put(keep, sharded(some, cold, self._shares_of_rows, world))

    def _shares_of_rows(
        self, options: OptionSet, blocks: BlockReadings | None = None, *, on_average: bool = False
    ) -> Shares:
        return Shares.of(
            self._setting.tables,
            options,
            self.workload.global_batch,
            self.topology,
            self.profile.on_chip_cache_bytes,
            blocks,
            on_average=on_average,
        )

    @cached_property
    def _row_reads(self) -> RowReads:
        whole = self._setting.tables.readings
        return RowReads(self.workload, self.topology.world_size, whole)

    def traffic(self, options: OptionSet) -> Traffic:
        """What each unit moves between the tiers in one step."""
        return self._traffic(self.shares(options), options)

    def _traffic(self, shares: Shares, options: OptionSet) -> Traffic:
        cache = self.profile.cache
        page = cache.ssd_page_bytes if cache else 1
        return traffic_of(shares, options, self.workload.training.state, page)

    def shard_bytes(
        self, options: OptionSet, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(O, 3): bytes of a shard of this size in each tier: weights, state, caches."""
        return self._storage.bytes(
            options, rows, columns, self._setting.tables.element_bytes[options.table]
        )

    @cached_property
    def _storage(self) -> Storage:
        cache = self.profile.cache
        return Storage(
            self.workload.training,
            cache.ddr_entry_bytes if cache else 0,
            self._setting.tables.dynamic,
        )

    @cached_property
    def _setting(self) -> Setting:
        return Setting(self.workload, self.topology, self.profile, self.framework)

    @cached_property
    def _phases(self) -> tuple[LinearPhase, ...]:
        return phases_of(self._setting)

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
