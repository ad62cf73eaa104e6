"""A phase as it was measured on a job: what the figures say, corrected."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.cost.analytic.linear_phase import LinearPhase
from shardplan.sharding.kind import SHARDING_TYPES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.analytic.charge_groups import ChargeGroups
    from shardplan.cost.analytic.setting import Setting
    from shardplan.cost.analytic.units import Units
    from shardplan.cost.phase import Phase
    from shardplan.cost.profile.corrections import Correction
    from shardplan.sharding.kind import ShardingType


@dataclass(frozen=True, slots=True)
class CorrectedPhase(LinearPhase):
    """The inner phase by its factors, and what is added to it."""

    inner: LinearPhase
    factor: float
    """Of all that the phase does."""
    corrections: tuple[Correction, ...]

    @classmethod
    def around(cls, inner: LinearPhase, setting: Setting) -> LinearPhase:
        """The phase as the setting's profile corrects it, if it does."""
        name, corrections = inner.phase.name, setting.profile.corrections
        found = corrections.of_phase(name)
        return cls(inner, corrections.factor_of(name), found) if found else inner

    @classmethod
    def of(cls, setting: Setting) -> Self | None:
        """None: it stands around others."""
        return None

    @property
    def phase(self) -> Phase:
        """The inner one, its constant corrected."""
        inner = self.inner.phase
        per_step = sum(one.per_step_seconds for one in self.corrections)
        return replace(inner, constant_seconds=inner.constant_seconds * self.factor + per_step)

    @property
    def shares_memory(self) -> bool:
        """As the inner one."""
        return self.inner.shares_memory

    def unit_seconds(self, units: Units, devices: int) -> NDArray[np.float64]:
        """(O,): of the inner phase by the factors of each unit's type, and what is added."""
        kinds, shards = units.options.sharding, units.shares.shards
        factor = SHARDING_TYPES.each(self._factor_of, kinds)
        per_table = SHARDING_TYPES.each(self._per_table_of, kinds)
        seconds: NDArray[np.float64] = (
            self.inner.unit_seconds(units, devices) * factor + per_table * shards
        )
        return seconds

    def everywhere_seconds(self, units: Units) -> NDArray[np.float64]:
        """(O,): of the inner phase by the factors of each unit's type."""
        factor = SHARDING_TYPES.each(self._factor_of, units.options.sharding)
        seconds: NDArray[np.float64] = self.inner.everywhere_seconds(units) * factor
        return seconds

    def charge_seconds(self, groups: ChargeGroups) -> NDArray[np.float64]:
        """(G,): of the inner phase by the factors of each group's type, and what is added."""
        factors = np.array([self._factor_of(kind) for _, kind in groups.pairs])
        added = np.array([self._per_group_of(kind) for _, kind in groups.pairs])
        seconds: NDArray[np.float64] = self.inner.charge_seconds(groups) * factors + added
        return seconds

    def _factor_of(self, kind: ShardingType) -> float:
        product = self.factor
        for one in self.corrections:
            product *= one.factor if one.sharding is kind else 1.0
        return product

    def _per_table_of(self, kind: ShardingType) -> float:
        return sum((one.per_table_seconds for one in self._of(kind)), 0.0)

    def _per_group_of(self, kind: ShardingType) -> float:
        return sum((one.per_group_seconds for one in self._of(kind)), 0.0)

    def _of(self, kind: ShardingType) -> list[Correction]:
        return [one for one in self.corrections if one.sharding in (None, kind)]
