"""Which ids of the samples are hot: read from files, one for each table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.executor.memory.hot_counts import HotCounts

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from shardplan.executor.planned.plan_view import PlanView
    from shardplan.executor.planned.planned_table import PlannedTable

_HINT = "write it by numpy.save: whole numbers, the hottest id first"
_PARQUET_HINT = "`shardplan profile --hot-rows` writes such files: columns id and count, both int64"


def read_hot_counts(folder: Path, view: PlanView) -> dict[str, HotCounts]:
    """Of tables that keep hot rows or have a cache, by ``module/table``, the hottest ids.

    They are in ``module/table.parquet``, with columns ``id`` and ``count``, or in
    ``module/table.npy``, of which nothing but the order is known; or in files without the module's
    folder, where no other table is called so. Tables without a file are left out. Raises InputError
    with the faults of all files that are no such lists, or have ids that are no rows.
    """
    found: dict[str, HotCounts] = {}
    faults = []
    for table in view.tables:
        if not (table.keeps_hot_rows or table.kernel.caches):
            continue
        if (path := _file_of(folder, table, view)) is None:
            continue
        try:
            found[f"{table.module}/{table.name}"] = _checked(_read(path), table)
        except ImportError:
            message = "reading .parquet needs pyarrow"
            faults.append(_fault(path, message, 'pip install "shardplan[parquet]"'))
        except (OSError, ValueError) as error:
            hint = _PARQUET_HINT if path.suffix == ".parquet" else _HINT
            faults.append(_fault(path, str(error), hint))
    if faults:
        raise InputError(faults)
    return found


def _file_of(folder: Path, table: PlannedTable, view: PlanView) -> Path | None:
    names = [each.name for each in view.tables]
    places = [folder / table.module] + [folder] * (names.count(table.name) == 1)
    paths = [place / f"{table.name}{end}" for place in places for end in (".parquet", ".npy")]
    return next((path for path in paths if path.exists()), None)


def _read(path: Path) -> HotCounts:
    if path.suffix == ".npy":
        return HotCounts.in_order(_whole(np.load(path, allow_pickle=False)))
    from pyarrow import parquet

    columns = parquet.read_table(path)
    if missing := {"id", "count"} - set(columns.column_names):
        raise ValueError(f"the column {min(missing)!r} is missing")
    return HotCounts(*(_whole(columns.column(name).to_numpy()) for name in ("id", "count")))


def _whole(values: NDArray[np.generic]) -> NDArray[np.int64]:
    if not np.issubdtype(values.dtype, np.integer):
        raise ValueError(f"must hold whole numbers, not {values.dtype}")
    return np.ascontiguousarray(values.reshape(-1), dtype=np.int64)


def _checked(found: HotCounts, table: PlannedTable) -> HotCounts:
    outside = found.ids[(found.ids < 0) | (found.ids >= table.rows)]
    if len(outside):
        raise ValueError(f"the id {int(outside[0])} is no row of {table.rows:,}")
    return found


def _fault(path: Path, message: str, hint: str) -> Diagnostic:
    return Diagnostic(str(path), 0, 0, "", message, hint, code="executor")
