"""Tables from a Parquet file, through pyarrow where it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.spec.tables.columns import (
    REUSE_COLUMNS,
    CellError,
    column_faults,
    missing_columns,
    read_cell,
)
from shardplan.spec.text.document import Document

if TYPE_CHECKING:
    from pathlib import Path as FilePath


def read_parquet(path: FilePath) -> Document:
    """The rows of a Parquet file; its columns may be lists where a CSV file has ``;``.

    Raises InputError where the file cannot be read, or pyarrow is not installed.
    """
    if path.exists() and not path.is_file():
        raise _error(path, "is no regular file, and a .parquet file is read from its end")
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        hint = 'pip install "shardplan[parquet]", or write the tables as .csv'
        raise _error(path, "reading .parquet needs pyarrow", hint) from None
    try:
        arrow = parquet.read_table(path)
        rows: list[dict[str, Any]] = arrow.to_pylist()
    except (ArrowException, OSError, ValueError) as error:
        raise _error(path, f"cannot read the file: {str(error).partition('.')[0]}") from None
    _check_columns(path, list(arrow.column_names))
    try:
        return Document([_table(row) for row in rows], str(path))
    except CellError as error:
        raise _error(path, str(error), error.hint) from None


def _check_columns(path: FilePath, header: list[str]) -> None:
    for _, message, hint in column_faults(header):
        raise _error(path, message, hint)
    for column in missing_columns(header):
        raise _error(path, f"the column {column!r} is missing")


def _table(row: dict[str, Any]) -> dict[str, Any]:
    """One row with the keys of ``tables``; empty cells are left out."""
    table = {
        key: read_cell(key, value) if isinstance(value, str) else value
        for key, value in row.items()
        if value is not None
    }
    if any(column in table for column in REUSE_COLUMNS):
        table["access"] = {"reuse": [table.pop(column, 0) for column in REUSE_COLUMNS]}
    return table


def _error(path: FilePath, message: str, hint: str = "") -> InputError:
    return InputError([Diagnostic(str(path), 0, 0, "", message, hint, code="file")])
