"""Gradients are summed by row, and the optimizer updates the rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.cost.analytic.dynamic.rows import DynamicRows
from shardplan.cost.analytic.linear_phase import LinearPhase
from shardplan.cost.analytic.memory import GRADIENT_ELEMENT_BYTES
from shardplan.cost.analytic.phases.fused_kernel import FusedKernel
from shardplan.cost.analytic.storage import state_in_ddr, state_row_bytes
from shardplan.cost.phases import UPDATE_BACKWARD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.analytic.setting import Setting
    from shardplan.cost.analytic.units import Units
    from shardplan.cost.phase import Phase
    from shardplan.workload.training import Optimizer


@dataclass(frozen=True, slots=True)
class UpdateBackward(LinearPhase):
    """The fused update of the rows touched, and of their state, where it lies.

    A data-parallel table is updated in whole: its dense gradient is read, its weights are read and
    written, and so is its state.
    """

    about = UPDATE_BACKWARD
    shares_memory = True
    kernel: FusedKernel
    dynamic: DynamicRows
    optimizer: Optimizer
    sweep_bytes_per_second: float

    @classmethod
    def of(cls, setting: Setting) -> Self:
        """With the profile's costs of the update."""
        return cls(
            FusedKernel(setting.profile.update_backward, setting.topology),
            DynamicRows(setting.profile.dynamic, setting.topology),
            setting.training.optimizer,
            setting.profile.dense_update_bytes_per_second,
        )

    @property
    def phase(self) -> Phase:
        """Its constant is the kernel's launch."""
        return replace(self.about, constant_seconds=self.kernel.costs.launch_seconds)

    def unit_seconds(self, units: Units, devices: int) -> NDArray[np.float64]:
        """(O,): to update the rows of its ids, or all rows of a data-parallel table, and to write
        the gradients of weights that are learnt."""
        shares, options = units.shares, units.options
        fused = self.kernel.unit_seconds(units, devices)
        fused = fused + self.dynamic.update_seconds(units, devices)
        state = state_row_bytes(self.optimizer, shares.columns)
        per_state_byte = np.where(
            state_in_ddr(options, self.optimizer),
            self.kernel.host_rates(devices).per_unique_byte,
            self.kernel.costs.hbm.per_unique_byte,
        )
        row_bytes = shares.columns * GRADIENT_ELEMENT_BYTES
        swept = shares.shard_rows * (3 * row_bytes + 2 * state)
        sweep = swept / self.sweep_bytes_per_second
        learnt = np.where(shares.learns_weights, shares.ids * shares.weight_bytes, 0.0)
        replicated = options.has_type(lambda kind: kind.is_replicated)
        return (
            fused
            + per_state_byte * shares.unique_rows * state
            + np.where(replicated, sweep, 0.0)
            + learnt / self.sweep_bytes_per_second
        )
