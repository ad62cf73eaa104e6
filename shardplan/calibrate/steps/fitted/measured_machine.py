"""What a calibration of steps rests on, beside the steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.calibrate.measure.machine import Machine
    from shardplan.calibrate.measurements.measurement import Measurement
    from shardplan.workload.optimizers.optimizer import Optimizer


@dataclass(frozen=True, eq=False, slots=True)
class MeasuredMachine:
    """A machine, how many processes of it trained, and its collectives by themselves."""

    machine: Machine
    processes: int
    engine: str
    optimizer: Optimizer
    wires: Sequence[Measurement]

    @property
    def sums_read_rows(self) -> bool:
        """Whether rows of data-parallel tables that no process read are passed over."""
        return self.engine == "native"
