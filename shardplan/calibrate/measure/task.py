"""What all processes of a calibration do at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.calibrate.measurements.measurement import Kernel, KernelProbe, WireProbe

if TYPE_CHECKING:
    from shardplan.calibrate.measurements.measurement import Probe, Transfer
    from shardplan.calibrate.measurements.table_set import TableSet
    from shardplan.topology.collective import Collective
    from shardplan.workload.optimizers.optimizer import Optimizer


@dataclass(frozen=True, slots=True)
class KernelTask:
    """Every process looks up and updates its own tables."""

    set: TableSet
    optimizer: Optimizer

    @property
    def probes(self) -> tuple[Probe, ...]:
        """What it measures, in the order of its seconds."""
        passes = (Kernel.LOOKUP_FORWARD, Kernel.UPDATE_BACKWARD)
        return tuple(KernelProbe(each, "hbm", self.set, self.optimizer) for each in passes)


@dataclass(frozen=True, slots=True)
class WireTask:
    """A collective, or a transfer of every process by itself."""

    subject: Collective | Transfer
    sizes_bytes: tuple[float, ...]
    """Buffer of each rank; of a transfer one size, which is every rank's."""

    @property
    def probes(self) -> tuple[Probe, ...]:
        """What it measures."""
        mean = sum(self.sizes_bytes) / len(self.sizes_bytes)
        largest = max(self.sizes_bytes)
        return (WireProbe(self.subject, len(self.sizes_bytes), mean, largest),)


Task = KernelTask | WireTask
