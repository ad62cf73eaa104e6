"""Which sets of tables, and which sizes of buffers, a calibration measures, and in which order."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from shardplan.calibrate.measure.task import KernelTask, WireTask
from shardplan.calibrate.measurements.measurement import Transfer, measured_table
from shardplan.calibrate.measurements.table_set import TableSet
from shardplan.topology.collective import Collective
from shardplan.workload.access import Uniform, Zipf
from shardplan.workload.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.calibrate.measure.task import Task
    from shardplan.workload.access import Access
    from shardplan.workload.table import Table

_T = TypeVar("_T")

_KERNEL_TASKS = 240
_TABLES = (1, 1, 2, 3, 4, 6, 8, 12)
_DIMS = (4, 8, 16, 32, 64, 128, 256)
_POOLINGS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
_ACCESSES: tuple[Access, ...] = (Uniform(), Zipf(0.8), Zipf(1.05), Zipf(1.3))
_ROWS_POWERS = (2.0, 6.0)
_BUFFER_BYTES = tuple(2.0**power for power in (26, 12, 20, 23, 17, 25, 14, 22, 24, 19, 21, 16))
"""64 MiB and 4 KiB first, so that a short budget still spans them."""
_SKEWS = (0.5, 0.25)
"""By which some ranks have less in an all-to-all of unequal buffers, and others more."""
_TRANSFER_BYTES = (2.0**26, 2.0**20)


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the sets of tables are that a kind of device is measured with."""

    batches: tuple[int, ...]
    most_bytes: int
    """Of the tables of a set together."""
    most_ids: int
    """Of a batch."""


CPU = Scale((512, 1_024, 2_048, 4_096), 2**28, 2**17)
"""A few milliseconds at most, so that some runs are done before anything else gets the core."""
GPU = Scale((4_096, 16_384, 65_536), 2**32, 2**23)
"""Long enough for kernels to outlast their launches."""

ESSENTIAL = 40
"""Tasks that are done whatever the budget: fewer cannot be fitted."""
ESSENTIAL_WIRES = 18
"""Of collectives and transfers alone: of each the first two sizes."""


def tasks(ranks: int, scale: Scale = CPU) -> list[Task]:
    """All tasks, the most telling first; the same for the same number of ranks and scale."""
    wires: list[Task] = [*wire_tasks(ranks)]
    kernels: list[Task] = [*_kernel_tasks(scale)]
    mixed = [task for pair in zip(wires, kernels, strict=False) for task in pair]
    return [*mixed, *wires[len(kernels) :], *kernels[len(wires) :]]


def digest(chosen: Sequence[Task]) -> str:
    """A short name of a grid, another one for another grid."""
    return hashlib.sha256(repr(chosen).encode()).hexdigest()[:8]


def wire_tasks(ranks: int) -> list[WireTask]:
    """Collectives and transfers alone, the largest and the smallest buffers first."""
    found = []
    for position, size in enumerate(_BUFFER_BYTES):
        for kind in Collective if ranks > 1 else ():
            found.append(WireTask(kind, (size,) * ranks))
        if ranks > 1:
            found += [WireTask(Collective.ALL_TO_ALL, _unequal(size, ranks, by)) for by in _SKEWS]
        if position < len(_TRANSFER_BYTES):
            found += [WireTask(each, (_TRANSFER_BYTES[position],)) for each in Transfer]
    return found


def _unequal(mean_bytes: float, ranks: int, by: float) -> tuple[float, ...]:
    """Buffers that rise evenly from ``1 - by`` of the mean to ``1 + by``."""
    return tuple(float(round(mean_bytes * share)) for share in np.linspace(1 - by, 1 + by, ranks))


def _kernel_tasks(scale: Scale) -> list[KernelTask]:
    random = np.random.default_rng(0)
    return [KernelTask(_set(random, scale), Optimizer.SGD) for _ in range(_KERNEL_TASKS)]


def _set(random: np.random.Generator, scale: Scale) -> TableSet:
    """Random tables, as many as fit the limits on bytes and ids; at least one."""
    batch, count = _pick(random, scale.batches), _pick(random, _TABLES)
    tables: list[Table] = []
    size_bytes, ids = 0, 0.0
    for position in range(count):
        rows = int(10 ** random.uniform(*_ROWS_POWERS))
        dim, pooling = _pick(random, _DIMS), _pick(random, _POOLINGS)
        access = _pick(random, _ACCESSES)
        table = measured_table(position, rows, dim, pooling, access)
        size_bytes += rows * table.row_bytes
        ids += batch * pooling
        if tables and (size_bytes > scale.most_bytes or ids > scale.most_ids):
            break
        tables.append(table)
    return TableSet(tuple(tables), batch)


def _pick(random: np.random.Generator, choices: Sequence[_T]) -> _T:
    return choices[int(random.integers(len(choices)))]
