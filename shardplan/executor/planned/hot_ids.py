"""Which ids of a plan's tables are hot, as the job has it."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.diagnostics import Diagnostic
from shardplan.workload.row_order import RowOrder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import ArrayLike, NDArray

    from shardplan.executor.planned.plan_view import PlanView
    from shardplan.executor.planned.planned_table import PlannedTable

    GivenIds = Mapping[str, ArrayLike]
    """By ``module/table`` or table, ids from the hottest on: as many as the plan has, or more."""

_FEW = 5
"""Ids that are named in a message."""


def hot_ids_faults(view: PlanView, given: GivenIds) -> Iterator[Diagnostic]:
    """Tables of which not as many hot ids are given as the plan has on every rank."""
    for table in view.tables:
        if table.keeps_hot_rows and (message := _fault(table, _given(table, given))):
            where = f"plan.{table.module}.{table.name}.replicated_rows"
            hint = "give shard_tables its hottest ids, or solve again without training.hot_rows"
            yield Diagnostic(view.name, 0, 0, where, message, hint, code="executor")


def with_hot_ids(view: PlanView, given: GivenIds) -> PlanView:
    """The plan with as many of the ids as it has on every rank; of tables without faults."""
    tables = (
        replace(table, hot_ids=_taken(table, _given(table, given)))
        if table.keeps_hot_rows
        else table
        for table in view.tables
    )
    return replace(view, tables=tuple(tables))


def _given(table: PlannedTable, given: GivenIds) -> NDArray[np.int64]:
    known: ArrayLike = ()
    if table.ids is RowOrder.BY_FREQUENCY:  # Ids are ranks.
        known = np.arange(table.replicated_rows)
    found = given.get(f"{table.module}/{table.name}", given.get(table.name, known))
    try:
        return np.asarray(found)
    except ValueError:  # Lists of unequal length.
        return np.array(found, dtype=object)


def _taken(table: PlannedTable, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.ascontiguousarray(ids[: table.replicated_rows], dtype=np.int64)


def _fault(table: PlannedTable, ids: NDArray[np.int64]) -> str:
    """Anywhere in the list: one that is wrong behind the ids of a plan is another list's."""
    count = table.replicated_rows
    if ids.ndim != 1:
        return f"ids are listed one after the other; those that are said to be hot are {ids.ndim}-d"
    if len(ids) and not np.issubdtype(ids.dtype, np.integer):
        return f"ids are whole numbers; those that are said to be hot are {ids.dtype}"
    if len(ids) < count:
        found = f"{len(ids):,} are" if len(ids) else "none is"
        return f"its {count:,} hottest rows are on every rank, and {found} named"
    outside = ids[(ids < 0) | (ids >= table.rows)]
    if len(outside):
        return f"{_listed(outside)} are said to be hot, and no rows of {table.rows:,}"
    distinct, counts = np.unique(ids, return_counts=True)
    if len(distinct) < len(ids):
        return f"{_listed(distinct[counts > 1])} are said to be hot twice"
    return ""


def _listed(ids: NDArray[np.int64]) -> str:
    more = f" and {len(ids) - _FEW:,} more" if len(ids) > _FEW else ""
    return f"ids {', '.join(map(str, ids[:_FEW].tolist()))}{more}"


def fingerprint_of_ids(table: PlannedTable, given: GivenIds) -> list[int]:
    """Of the ids that a rank takes for hot: what differs between ranks would train otherwise."""
    if not table.keeps_hot_rows or _fault(table, _given(table, given)):
        return []
    used = _taken(table, _given(table, given))
    return [len(used), zlib.crc32(used.tobytes())]
