"""A phase as a framework runs it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.cost.analytic.linear_phase import LinearPhase
from shardplan.cost.analytic.memory import INDEX_BYTES
from shardplan.cost.framework.terms import UnitTerms
from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.sharding.world import Extent
from shardplan.topology.collective import Collective, Scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from shardplan.cost.analytic.charge_groups import ChargeGroups
    from shardplan.cost.analytic.setting import Setting
    from shardplan.cost.analytic.units import Units
    from shardplan.cost.framework.terms import Terms
    from shardplan.cost.phase import Phase
    from shardplan.sharding.kind import ShardingType
    from shardplan.sharding.world import World


@dataclass(frozen=True, slots=True)
class FramedPhase(LinearPhase):
    """A phase of any framework, and what one framework adds to it."""

    inner: LinearPhase
    terms: Terms
    of_optimizer: UnitTerms
    """Besides, under the optimizer that the tables are trained with."""
    constant_seconds: float
    """Added to the phase's own."""
    handshake_seconds: float
    """Of one all-to-all of a few bytes."""
    world: World
    knows_places: bool
    """Whether what each device does for its own samples is counted unit by unit: on one node. Over
    several it is a constant, as if all tables were exchanged."""
    per_byte: float
    """Seconds in which the device moves a byte from memory to memory."""
    sums_read_rows: bool
    """Whether rows of data-parallel tables that no device read are passed over."""

    @classmethod
    def around(cls, inner: LinearPhase, setting: Setting) -> LinearPhase:
        """The phase with what the setting's framework adds to it, if that is anything."""
        framework = setting.framework
        terms = framework.terms.get(inner.phase.name) if framework else None
        alone = setting.topology.world_size == 1
        if terms is None or (alone and inner.phase.exchanges):
            return inner
        return cls(
            inner,
            terms,
            terms.optimizers.get(setting.training.optimizer, UnitTerms()),
            constant_seconds=cls._constant_seconds(terms, setting),
            handshake_seconds=setting.collectives.seconds(
                Collective.ALL_TO_ALL, Scope.ALL, INDEX_BYTES * setting.topology.world_size
            ),
            world=setting.topology.world,
            knows_places=setting.topology.nodes == 1,
            per_byte=1 / setting.profile.dense_update_bytes_per_second,
            sums_read_rows=setting.sums_read_rows,
        )

    @staticmethod
    def _constant_seconds(terms: Terms, setting: Setting) -> float:
        tables = setting.tables
        features, ids = int(tables.features.sum()), float(tables.sent.sum())
        once = tables.pooling * tables.dedup * setting.samples
        moved_bytes = (
            terms.distinct_id_bytes * once.sum() + terms.expanded_bytes * (once * tables.dim).sum()
        )
        seconds = (
            terms.per_step
            + terms.per_sample * setting.samples
            + terms.per_model_feature * features
            + terms.per_model_output * setting.output_elements
            + float(moved_bytes) / setting.profile.dense_update_bytes_per_second
        )
        if setting.topology.nodes > 1:
            seconds += terms.per_own_feature * features
            seconds += terms.per_own_id * ids * setting.samples
            seconds += terms.per_own_output * setting.output_elements
            moved_bytes = terms.own_output_bytes * setting.output_elements
            seconds += moved_bytes / setting.profile.dense_update_bytes_per_second
        return seconds

    @classmethod
    def of(cls, setting: Setting) -> Self | None:
        """None: it stands around others."""
        return None

    @property
    def phase(self) -> Phase:
        """The inner one, with what each step adds to its constant."""
        inner = self.inner.phase
        return replace(inner, constant_seconds=inner.constant_seconds + self.constant_seconds)

    @property
    def shares_memory(self) -> bool:
        """As the inner one."""
        return self.inner.shares_memory

    def unit_seconds(self, units: Units, devices: int) -> NDArray[np.float64]:
        """(O,): of the inner phase, and what the framework does with each unit."""
        added = self._sum(units, [self.terms, self.of_optimizer], self._seconds_of)
        if not self.knows_places:
            on_device = units.options.has_type(lambda kind: kind.lands is Extent.DEVICE)
            owed = np.where(on_device, self.world.size, 1)
            added += owed * self._sum(units, [self.of_optimizer], self._own_seconds_of)
        return self.inner.unit_seconds(units, devices) + added

    def everywhere_seconds(self, units: Units) -> NDArray[np.float64]:
        """(O,): of the inner phase, and what each device does for its own part of the batch."""
        seconds = self.inner.everywhere_seconds(units)
        if not self.knows_places:
            return seconds
        paid = [self.terms, self.of_optimizer]
        return seconds + self._sum(units, paid, self._own_seconds_of)

    def charge_seconds(self, groups: ChargeGroups) -> NDArray[np.float64]:
        """(G,): of the inner phase, and what each sharding type in a module costs there."""
        added = [self._group_seconds(kind, groups.is_pooled[name]) for name, kind in groups.pairs]
        return self.inner.charge_seconds(groups) + np.array(added, dtype=np.float64)

    def _group_seconds(self, kind: ShardingType, is_pooled: bool) -> float:
        exchanges = self.inner.phase.exchanges
        if exchanges and kind not in exchanges:
            return 0.0
        of_ids = () if is_pooled else self.terms.unpooled.of_kind(kind)
        paid = *self.terms.of_kind(kind), self.of_optimizer, *of_ids
        handshakes = sum(terms.exchanges for terms in paid)
        return sum(terms.per_group for terms in paid) + handshakes * self.handshake_seconds

    def _sum(
        self,
        units: Units,
        paid: list[UnitTerms],
        seconds_of: Callable[[UnitTerms, Units], NDArray[np.float64]],
    ) -> NDArray[np.float64]:
        """(O,): of terms that all units pay, and of those of their sharding type and kind of
        outputs, where they take part in what is exchanged."""
        of_ids, kinds = ~units.shares.is_pooled, units.options.sharding
        total = np.zeros(len(units.options))
        for terms in paid:
            total += seconds_of(terms, units)
        for kind, terms in self.terms.types.items():
            total += (kinds == SHARDING_TYPES.index(kind)) * seconds_of(terms, units)
        if of_ids.any():
            total += of_ids * seconds_of(self.terms.unpooled, units)
            for kind, terms in self.terms.unpooled.types.items():
                is_so = of_ids & (kinds == SHARDING_TYPES.index(kind))
                total += is_so * seconds_of(terms, units)
        return np.where(self._takes_part(units), total, 0.0)

    def _takes_part(self, units: Units) -> NDArray[np.bool_]:
        """(O,): where something is exchanged, the units that exchange; all others elsewhere."""
        exchanges = self.inner.phase.exchanges
        return units.options.has_type(lambda kind: not exchanges or kind in exchanges)

    def _own_seconds_of(self, terms: UnitTerms, units: Units) -> NDArray[np.float64]:
        """(O,): for a device to do what it does for its own samples of each unit."""
        shares, size = units.shares, self.world.size
        outputs = shares.own_outputs * shares.columns
        seconds: NDArray[np.float64] = (
            terms.per_own_feature * shares.features
            + terms.per_own_id * shares.ids * units.options.row_shards(self.world) / size
            + (terms.per_own_output + terms.own_output_bytes * self.per_byte) * outputs
        )
        return seconds

    def _seconds_of(self, terms: UnitTerms, units: Units) -> NDArray[np.float64]:
        shares = units.shares
        outputs = shares.outputs * shares.columns
        rows = shares.ids * shares.columns
        summed = np.maximum(shares.ids - shares.outputs, 0.0) * shares.columns
        parts = np.where(shares.is_pooled, units.options.row_shards(self.world), 1)
        bucketed = units.options.has_type(lambda kind: kind.cuts_rows) * terms.per_bucketed_id
        replicated = units.options.has_type(lambda kind: kind.is_replicated)
        summed_rows = shares.rows_of_all if self.sums_read_rows else shares.shard_rows
        moved_bytes = (
            terms.id_bytes * shares.ids
            + terms.row_bytes * rows
            + terms.unique_row_bytes * shares.unique_rows * shares.columns
            + terms.summed_row_bytes * summed
            + terms.output_bytes * outputs
            + terms.whole_output_bytes * outputs / parts
        )
        seconds: NDArray[np.float64] = (
            terms.per_table * shares.shards
            + terms.per_feature * shares.features
            + (terms.per_id + bucketed) * shares.ids
            + terms.per_row_element * rows
            + replicated * terms.per_weight * summed_rows * shares.columns
            + terms.per_output_byte * outputs * shares.output_bytes
            + moved_bytes * self.per_byte
        )
        return seconds
