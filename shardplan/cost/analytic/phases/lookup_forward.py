"""Rows are looked up and pooled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from shardplan.cost.analytic.dynamic.rows import DynamicRows
from shardplan.cost.analytic.linear_phase import LinearPhase
from shardplan.cost.analytic.phases.fused_kernel import FusedKernel
from shardplan.cost.phases import LOOKUP_FORWARD

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shardplan.cost.analytic.setting import Setting
    from shardplan.cost.analytic.units import Units
    from shardplan.cost.phase import Phase


@dataclass(frozen=True, slots=True)
class LookupForward(LinearPhase):
    """One fused kernel over all tables of a device."""

    about = LOOKUP_FORWARD
    shares_memory = True
    kernel: FusedKernel
    dynamic: DynamicRows

    @classmethod
    def of(cls, setting: Setting) -> Self:
        """With the profile's costs of the lookup."""
        profile, topology = setting.profile, setting.topology
        kernel = FusedKernel(profile.lookup_forward, topology)
        return cls(kernel, DynamicRows(profile.dynamic, topology))

    @property
    def phase(self) -> Phase:
        """Its constant is the kernel's launch."""
        return replace(self.about, constant_seconds=self.kernel.costs.launch_seconds)

    def unit_seconds(self, units: Units, devices: int) -> NDArray[np.float64]:
        """(O,): to read the rows of its ids, and to write their sums."""
        fused = self.kernel.unit_seconds(units, devices)
        return fused + self.dynamic.lookup_seconds(units, devices)
