"""Gradients are summed by row, and the optimizer updates the rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.cost.analytic.dynamic.rows import DynamicRows
from shardplan.cost.analytic.linear_phase import LinearPhase
from shardplan.cost.analytic.memory import GRADIENT_ELEMENT_BYTES
from shardplan.cost.analytic.phases.fused_kernel import FusedKernel
from shardplan.cost.analytic.storage import state_in_ddr
from shardplan.cost.phases import UPDATE_BACKWARD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.analytic.setting import Setting
    from shardplan.cost.analytic.shares import Shares
    from shardplan.cost.analytic.units import Units
    from shardplan.cost.phase import Phase
    from shardplan.options.option_set import OptionSet
    from shardplan.workload.optimizers.optimizer_state import OptimizerState


@dataclass(frozen=True, slots=True)
class UpdateBackward(LinearPhase):
    """The fused update of the rows touched, and of their state, where it lies.

    Where the weights are read once more, for the norm of a row or its decay, that takes as long as
    half of what reading and writing them takes. A data-parallel table is updated in whole: its
    dense gradient is read, its weights are read and written, and so is its state.
    """

    about = UPDATE_BACKWARD
    shares_memory = True
    kernel: FusedKernel
    dynamic: DynamicRows
    state: OptimizerState
    """What each update of a row reads and writes beside its weights."""
    sweep_bytes_per_second: float
    sums_read_rows: bool
    """Whether rows of data-parallel tables that no device read are passed over."""

    @classmethod
    def of(cls, setting: Setting) -> Self:
        """With the profile's costs of the update."""
        return cls(
            FusedKernel(setting.profile.update_backward, setting.topology),
            DynamicRows(setting.profile.dynamic, setting.topology),
            setting.training.state.touched,
            setting.profile.dense_update_bytes_per_second,
            setting.sums_read_rows,
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
        in_hbm = self.kernel.costs.hbm.per_unique_byte
        in_ddr = self.kernel.host_rates(devices).per_unique_byte
        beside = np.where(state_in_ddr(options), in_ddr, in_hbm)
        looked_up = np.where(options.has_kernel(lambda kernel: kernel.reads_ddr), in_ddr, in_hbm)
        row_bytes = shares.columns * shares.element_bytes
        rereads = self.state.weight_reads - 1
        of_row = (
            beside * shares.columns * self.state.bytes_per_weight
            + in_hbm * self._bytes_per_row(options)
            + looked_up * rereads / 2 * row_bytes
        )
        replicated = options.has_type(lambda kind: kind.is_replicated)
        swept = np.where(replicated, self._sweep(shares), 0.0)
        learnt = np.where(shares.learns_weights, shares.ids * shares.weight_bytes, 0.0)
        written = learnt / self.sweep_bytes_per_second
        seconds: NDArray[np.float64] = fused + shares.unique_rows * of_row + swept + written
        return seconds

    def _bytes_per_row(self, options: OptionSet) -> NDArray[np.int64]:
        """(O,): what is kept of each row, however wide."""
        on_ssd = options.has_kernel(lambda kernel: kernel.is_on_ssd)
        more: NDArray[np.int64] = np.where(on_ssd, self.state.ssd_bytes_per_row, 0)
        return more + self.state.bytes_per_row

    def _sweep(self, shares: Shares) -> NDArray[np.float64]:
        """(O,): seconds to update all rows."""
        row_bytes = shares.columns * GRADIENT_ELEMENT_BYTES
        passes = 2 + self.state.weight_reads
        moved = passes * row_bytes + 2 * self.state.row_bytes(shares.columns)
        rows = shares.rows_of_all if self.sums_read_rows else shares.shard_rows
        swept: NDArray[np.float64] = rows * moved / self.sweep_bytes_per_second
        return swept
