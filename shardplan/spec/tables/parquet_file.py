"""Tables from a Parquet file, through pyarrow where it is installed."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.spec.tables.columns import (
    COLUMNS,
    CellError,
    column_faults,
    fold_access,
    missing_columns,
    read_cell,
)
from shardplan.spec.text.compose import MOST_VALUES
from shardplan.spec.text.document import MAX_BYTES, Document
from shardplan.spec.validation.listing import MOST_NAMED
from shardplan.spec.validation.wording import show

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path as FilePath

    from pyarrow import Array, DataType, Schema
    from pyarrow.parquet import FileMetaData

_MOST_UNPACKED_BYTES = 16 * MAX_BYTES
_ROWS_AT_ONCE = 10_000
_LONGEST_TEXT = 4_000
_MOST_FAULTS = 1_000


def read_parquet(path: FilePath) -> Document:
    """The rows of a Parquet file; its columns may be lists where a CSV file has ``;``.

    Raises InputError where the file cannot be read, or pyarrow is not installed, and with every
    fault of the columns, or else of the cells: these have paths, such as ``[3].rows``.
    """
    if path.exists() and not path.is_file():
        raise _error(path, "is no regular file, and a .parquet file is read from its end")
    try:
        from pyarrow import ArrowException
    except ImportError:
        hint = 'pip install "shardplan[parquet]", or write the tables as .csv'
        raise _error(path, "reading .parquet needs pyarrow", hint) from None
    try:
        rows = _rows(path)
    except (ArrowException, OSError, ValueError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition(".")[0]
        raise _error(path, f"cannot read the file: {reason}") from None
    tables: list[dict[str, Any]] = []
    faults: list[Diagnostic] = []
    for row in rows:
        faults += _take_in(row, tables, path)
        if len(faults) >= _MOST_FAULTS:
            break
    if faults:
        raise InputError(faults)
    return Document(tables, str(path))


def _rows(path: FilePath) -> list[dict[str, Any]]:
    """All rows, once the file's own description says that they are tables and not too many.

    Texts are read as dictionaries, so that none is repeated in memory however often it stands.
    """
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        described, schema = file.metadata, file.schema_arrow
        if faults := list(_faults_of_columns(path, schema)):
            raise InputError(faults)
        paths = [described.schema.column(n).path for n in range(described.num_columns)]
        _check_size(path, described)
    rows: list[dict[str, Any]] = []
    values = described.num_rows * len(schema)
    whole = {"read_dictionary": paths, "page_checksum_verification": True}
    with parquet.ParquetFile(path, **whole) as file:
        for batch in file.iter_batches(_ROWS_AT_ONCE):
            cells = [c.flatten() if _is_list(c.type) else c for c in batch.columns]
            values += sum(len(each) - batch.num_rows for each in cells)
            _check_count(path, values)
            _check_texts(path, cells)
            rows += batch.to_pylist()
    return rows


def _check_size(path: FilePath, described: FileMetaData) -> None:
    """Of the file, and of what it says that it unpacks to."""
    groups = range(described.num_row_groups)
    unpacked = sum(described.row_group(number).total_byte_size for number in groups)
    if path.stat().st_size > MAX_BYTES or unpacked > _MOST_UNPACKED_BYTES:
        raise _error(path, f"is larger than {MAX_BYTES >> 20} MiB")
    _check_count(path, described.num_rows * described.num_columns)


def _check_count(path: FilePath, values: int) -> None:
    if values > MOST_VALUES:
        raise _error(path, f"more than {MOST_VALUES:,} values", "leave columns out")


def _check_texts(path: FilePath, cells: Sequence[Array]) -> None:
    """A long text may stand in many cells, each of which becomes a text of its own."""
    from pyarrow import compute, types

    texts = [each.dictionary for each in cells if types.is_dictionary(each.type)]
    lengths = [compute.max(compute.binary_length(each)).as_py() or 0 for each in texts]
    if max(lengths, default=0) > _LONGEST_TEXT:
        raise _error(path, f"holds a text of more than {_LONGEST_TEXT:,} bytes")


def _faults_of_columns(path: FilePath, schema: Schema) -> Iterator[Diagnostic]:
    """Of their names and of what they hold."""
    header = list(schema.names)
    for _, message, hint in islice(column_faults(header), MOST_NAMED):
        yield _fault(path, message, hint)
    for column in missing_columns(header):
        yield _fault(path, f"the column {column!r} is missing")
    others = (each for each in schema if each.name in COLUMNS and not _is_plain(each.type))
    for each in islice(others, MOST_NAMED):
        hint = "write numbers, text, or lists of these"
        yield _fault(path, f"the column {show(each.name)} holds {each.type}", hint)


def _is_plain(kind: DataType) -> bool:
    """Numbers, text, and lists of either are what tables are made of."""
    from pyarrow import types

    inner = kind.value_type if _is_list(kind) else kind
    if types.is_dictionary(inner):
        inner = inner.value_type
    kinds = (
        types.is_integer,
        types.is_floating,
        types.is_null,
        types.is_boolean,
        types.is_string,
        types.is_large_string,
    )
    return any(is_kind(inner) for is_kind in kinds)


def _is_list(kind: DataType) -> bool:
    from pyarrow import types

    return bool(types.is_list(kind) or types.is_large_list(kind))


def _take_in(
    row: dict[str, Any], tables: list[dict[str, Any]], path: FilePath
) -> Iterator[Diagnostic]:
    """Add one row, with the keys of ``tables``; empty cells are left out.

    Yields what is wrong with it, at its number and, where it is a cell's, at its column.
    """
    table, where = {}, f"[{len(tables)}]"
    for key, value in row.items():
        if value is not None:
            try:
                table[key] = read_cell(key, value) if isinstance(value, str) else value
            except CellError as error:
                yield _fault(path, str(error), error.hint, f"{where}.{key}")
    for fault in fold_access(table):
        yield _fault(path, str(fault), fault.hint, where)
    tables.append(table)


def _error(path: FilePath, message: str, hint: str = "") -> InputError:
    return InputError([_fault(path, message, hint)])


def _fault(path: FilePath, message: str, hint: str = "", where: str = "") -> Diagnostic:
    return Diagnostic(str(path), 0, 0, where, message, hint, code="file")
