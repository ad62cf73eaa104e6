"""Which ids of the samples are hot: read from files, one for each table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.executor.memory.hot_counts import HotCounts
from shardplan.workload.drawn.hot_ids_file import (
    HOT_IDS_SUFFIXES,
    read_hot_counts,
    read_hot_ids,
)

if TYPE_CHECKING:
    from pathlib import Path

    from shardplan.executor.planned.plan_view import PlanView
    from shardplan.executor.planned.planned_table import PlannedTable

_HINT = "`shardplan profile --hot-rows` writes such files: columns id and count, the hottest first"


def hot_counts_of_tables(folder: Path, view: PlanView) -> dict[str, HotCounts]:
    """Of tables that keep hot rows or have a cache, by ``module/table``, the hottest ids.

    They are in ``module/table.parquet``, ``.npy`` or ``.csv``, of which Parquet may also say how
    often each was read; or in files without the module's folder, where no other table is called so.
    Tables without a file are left out. Raises InputError with the faults of all files that are no
    such lists, or have ids that are no rows.
    """
    found: dict[str, HotCounts] = {}
    faults: list[Diagnostic] = []
    for table in view.tables:
        if not (table.keeps_hot_rows or table.kernel.caches):
            continue
        if (path := _file_of(folder, table, view)) is None:
            continue
        try:
            found[f"{table.module}/{table.name}"] = _read(path, table)
        except InputError as error:
            faults += error.diagnostics
        except ValueError as error:
            faults.append(Diagnostic(str(path), 0, 0, "", str(error), _HINT, code="executor"))
    if faults:
        raise InputError(faults)
    return found


def _file_of(folder: Path, table: PlannedTable, view: PlanView) -> Path | None:
    names = [each.name for each in view.tables]
    places = [folder / table.module] + [folder] * (names.count(table.name) == 1)
    paths = [place / f"{table.name}{end}" for place in places for end in HOT_IDS_SUFFIXES]
    return next((path for path in paths if path.exists()), None)


def _read(path: Path, table: PlannedTable) -> HotCounts:
    ids = read_hot_ids(path)
    outside = ids[ids >= table.rows]
    if len(outside):
        raise ValueError(f"the id {int(outside[0])} is no row of {table.rows:,}")
    counts = read_hot_counts(path)
    return HotCounts.in_order(ids) if counts is None else HotCounts(ids, counts)
