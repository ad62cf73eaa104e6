"""Published times of FBGEMM and gloo on a CPU server: sets of tables, and all-to-alls."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from table_sets import DATA

from shardplan.calibrate.measurements.table_set import TableSet
from shardplan.workload.access import Reuse
from shardplan.workload.dtype import Dtype
from shardplan.workload.table import Table

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

EMBEDDING_COSTS = DATA / "cpu_embedding_costs_4procs.txt"
ALL_TO_ALL_COSTS = DATA / "cpu_alltoall_costs_4procs.txt"

BATCH = 65_536
_DIMS = (128, 64, 32, 16, 8, 4)
_BINS = 17
_LINE = re.compile(r"task: ([\d,]+) \| cost: ([\d.e+-]+)")
_FP32_BYTES = 4


@dataclass(frozen=True, eq=False, slots=True)
class MeasuredSets:
    """Forward and backward pass of one process over each set of tables."""

    sets: tuple[TableSet, ...]
    seconds: NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class MeasuredExchanges:
    """All-to-alls of pooled outputs; (M, ranks) bytes of each rank's buffer."""

    buffer_bytes: NDArray[np.float64]
    columns: NDArray[np.int64]
    """(M, ranks): columns of all tables of each rank."""
    forward_seconds: NDArray[np.float64]
    """(M,): of the slowest rank."""
    backward_seconds: NDArray[np.float64]


def measured_sets(path: Path = EMBEDDING_COSTS) -> MeasuredSets:
    """Read ``task: indices | cost: ms`` lines; index i is table ``i % 856`` at one of six dims."""
    found = _LINE.findall(path.read_text(encoding="utf-8"))
    tables = _tables()
    chosen = [tuple(tables[int(i)] for i in indices.split(",")) for indices, _ in found]
    return MeasuredSets(
        tuple(TableSet(each, BATCH) for each in chosen),
        np.array([float(cost) for _, cost in found]) / 1e3,
    )


def measured_exchanges(path: Path = ALL_TO_ALL_COSTS) -> MeasuredExchanges:
    """Read lines of dim sums, start delays, forward ms and backward ms, each of every rank."""
    lines = path.read_text(encoding="utf-8").splitlines()
    values = np.array([[part.split(",") for part in line.split()] for line in lines], np.float64)
    columns, _, forward, backward = values.transpose(1, 0, 2)
    return MeasuredExchanges(
        buffer_bytes=columns * BATCH * _FP32_BYTES,
        columns=columns.astype(np.int64),
        forward_seconds=forward.max(axis=1) / 1e3,
        backward_seconds=backward.max(axis=1) / 1e3,
    )


def _tables() -> list[Table]:
    with (DATA / "dlrm856_tables.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [_table(row, dim) for dim in _DIMS for row in rows]


def _table(row: dict[str, str], dim: int) -> Table:
    return Table(
        name=f"t_{row['table_id']}_{dim}",
        module="sparse",
        rows=int(row["row"]),
        dim=dim,
        dtype=Dtype.FP32,
        features=("f",),
        poolings=(float(row["pooling_factor"]),),
        access=Reuse(tuple(float(row[f"bin_{i}"]) for i in range(_BINS))),
    )
