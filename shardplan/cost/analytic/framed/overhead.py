"""What a framework spends in every step while nothing else goes on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.cost.analytic.linear_phase import LinearPhase
from shardplan.cost.phases import OVERHEAD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.analytic.setting import Setting
    from shardplan.cost.analytic.units import Units
    from shardplan.cost.phase import Phase


@dataclass(frozen=True, slots=True)
class Overhead(LinearPhase):
    """The spec's own overhead; a framework may add to it."""

    about = OVERHEAD
    seconds: float

    @classmethod
    def of(cls, setting: Setting) -> Self | None:
        """None where neither the spec, the framework nor a correction has any."""
        seconds = setting.training.overhead_seconds
        is_added_to = setting.framework_adds_to(OVERHEAD) or setting.corrections_add_to(OVERHEAD)
        return cls(seconds) if seconds or is_added_to else None

    @property
    def phase(self) -> Phase:
        """All of it is constant."""
        return replace(self.about, constant_seconds=self.seconds)

    def unit_seconds(self, units: Units, devices: int) -> NDArray[np.float64]:
        """(O,): nothing."""
        return np.zeros(len(units.options))
