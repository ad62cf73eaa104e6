"""What the host does to keep its device busy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.cost.analytic.linear_phase import LinearPhase
from shardplan.cost.phases import HOST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.analytic.setting import Setting
    from shardplan.cost.analytic.units import Units
    from shardplan.cost.phase import Phase


@dataclass(frozen=True, slots=True)
class Host(LinearPhase):
    """Samples that the training process loads by itself; all else is the framework's.

    The host runs ahead of its device, which takes up kernels in the order in which they were
    launched. Where the device has always more to do than the host has launched, the host's time
    hides; where the host is slower, the device waits for each launch, and the step takes as long
    as the host does.
    """

    about = HOST
    load_seconds: float

    @classmethod
    def of(cls, setting: Setting) -> Self | None:
        """None where no framework is named, or it has none, and samples are loaded by others."""
        seconds = setting.training.load_seconds_per_sample * setting.samples
        return cls(seconds) if seconds or setting.framework_adds_to(HOST) else None

    @property
    def phase(self) -> Phase:
        """Its constant is the loading of a device's samples."""
        return replace(self.about, constant_seconds=self.load_seconds)

    def unit_seconds(self, units: Units, devices: int) -> NDArray[np.float64]:
        """(O,): nothing."""
        return np.zeros(len(units.options))
