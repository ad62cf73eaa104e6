"""What is measured on a machine, and how long it took."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from shardplan.topology.collective import Collective
from shardplan.workload.dtype import Dtype
from shardplan.workload.table import Table

if TYPE_CHECKING:
    from shardplan.calibrate.measurements.table_set import TableSet
    from shardplan.workload.access import Access
    from shardplan.workload.optimizers.optimizer import Optimizer


class Kernel(StrEnum):
    """The passes over the tables of one device."""

    LOOKUP_FORWARD = "lookup_forward"
    UPDATE_BACKWARD = "update_backward"
    BOTH = "lookup_and_update"


class Transfer(StrEnum):
    """What else moves bytes."""

    FROM_HOST = "host_to_device"
    TO_HOST = "device_to_host"
    SWEEP = "dense_update"
    """A whole table is updated by a dense gradient; bytes read and written."""


@dataclass(frozen=True, slots=True)
class KernelProbe:
    """One pass over a set of tables that lie in one tier."""

    subject: Kernel
    tier: str
    """``hbm`` or ``ddr``."""
    set: TableSet
    optimizer: Optimizer


@dataclass(frozen=True, slots=True)
class WireProbe:
    """One collective among some ranks, or one transfer of a device alone (``ranks`` is 1)."""

    subject: Collective | Transfer
    ranks: int
    mean_bytes: float
    """The buffer of a device, as ``Collective`` defines it; the mean where they differ."""
    largest_bytes: float


Probe = KernelProbe | WireProbe


@dataclass(frozen=True, slots=True)
class Measurement:
    """A probe and its seconds; of the slowest rank where several take part."""

    probe: Probe
    seconds: float


def measured_table(
    position: int, rows: int, dim: int, pooling: float, access: Access, dtype: Dtype = Dtype.FP32
) -> Table:
    """A table of a set; its name tells no more than its position."""
    name = f"t_{position}"
    return Table(name, "measured", rows, dim, dtype, (name,), (pooling,), access)


def subject_named(name: str) -> Kernel | Collective | Transfer:
    """The subject with this name; raises ValueError."""
    for kind in (Kernel, Collective, Transfer):
        if name in set(kind):
            return kind(name)
    raise ValueError(name)


SUBJECTS = tuple(str(subject) for kind in (Kernel, Collective, Transfer) for subject in kind)
"""Their names."""
