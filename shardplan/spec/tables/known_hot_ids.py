"""Files of hot ids, of which a plan needs to know how many ids they have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shardplan.errors import InputError
from shardplan.spec.validation.wording import show
from shardplan.workload.drawn.hot_ids_file import read_hot_ids

if TYPE_CHECKING:
    from shardplan.diagnostics import Diagnostic
    from shardplan.spec.loaded import LoadedSpec
    from shardplan.spec.tables.table_spec import TableSpec


def with_hot_ids_counted(loaded: LoadedSpec) -> LoadedSpec:
    """The same with a number in place of each file of hot ids; with its faults, where it has any.

    A file is told as faulty at the line of the spec that names it, but for what stands in a line
    of its own, which is told with the table's name.
    """
    tables, faults = list(loaded.spec.tables), list(loaded.faults)
    for index, table in enumerate(tables):
        name = table.hot_ids
        if not isinstance(name, str):
            continue
        count, found = _counted(table, name, loaded, index)
        tables[index] = table.model_copy(update={"hot_ids": count})
        faults += found
    spec = loaded.spec.model_copy(update={"tables": tuple(tables)})
    return replace(loaded, spec=spec, faults=tuple(faults))


def _counted(
    table: TableSpec, name: str, loaded: LoadedSpec, index: int
) -> tuple[int | None, list[Diagnostic]]:
    try:
        ids = read_hot_ids(loaded.base / name)
    except InputError as error:
        return None, [
            _named(fault, table)
            if fault.line
            else _placed(loaded, index, name, fault.message, fault.hint)
            for fault in error.diagnostics
        ]
    if ids.max() >= table.rows:
        message = f"{ids.max():,} is no row of a table of {table.rows:,} rows"
        return None, [_placed(loaded, index, name, message, "rows are counted from 0")]
    return len(ids), []


def _named(fault: Diagnostic, table: TableSpec) -> Diagnostic:
    """With the table whose ids they are, which the file does not tell."""
    return replace(fault, message=f"{fault.message} (hot_ids of {show(table.name)})")


def _placed(loaded: LoadedSpec, index: int, name: str, message: str, hint: str) -> Diagnostic:
    return loaded.at_table(index, "hot_ids", f"{name}: {message}", hint, "file")
