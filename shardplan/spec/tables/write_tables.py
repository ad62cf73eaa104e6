"""A file of tables as text or bytes: what ``read_tables`` takes, from the tables that it gives."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.spec.tables.columns import COLUMNS, REUSE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path as FilePath

    from shardplan.spec.tables.table_spec import TableSpec


def tables_data(path: FilePath, tables: Sequence[TableSpec], notes: Sequence[str] = ()) -> bytes:
    """The contents of a file of that name with these tables, which reads back as the same.

    ``notes`` are lines about where the tables come from: comments in YAML, metadata in Parquet;
    CSV has no place for them. What a table leaves out is left out. Raises InputError for a name
    that ends in none of .csv, .parquet and .yaml, and where pyarrow is missing for Parquet.
    """
    rows = [_written(table) for table in tables]
    match path.suffix:
        case ".csv":
            return _csv(path, rows).encode()
        case ".parquet":
            return _parquet(path, rows, notes)
        case ".yaml" | ".yml":
            return _yaml(rows, notes).encode()
    raise _refused(path, "must end in .csv, .parquet or .yaml")


def _written(table: TableSpec) -> dict[str, Any]:
    values: dict[str, Any] = table.model_dump(mode="json", exclude_none=True)
    if table.dynamic is not None:
        said = table.dynamic.model_dump(mode="json", exclude_defaults=True)
        values["dynamic"] = {"mode": table.dynamic.mode.value} | said
    return values


def _csv(path: FilePath, rows: Sequence[dict[str, Any]]) -> str:
    cells = [{name: _text(value) for name, value in _cells(path, row).items()} for row in rows]
    out = io.StringIO()
    writer = csv.DictWriter(out, _used(cells), lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(cells)
    return out.getvalue()


def _parquet(path: FilePath, rows: Sequence[dict[str, Any]], notes: Sequence[str]) -> bytes:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        hint = 'pip install "shardplan[parquet]", or write the tables as .csv'
        raise _refused(path, "writing .parquet needs pyarrow", hint) from None
    cells = [_cells(path, row) for row in rows]
    columns = {}
    for name in _used(cells):
        held = [row.get(name) for row in cells]
        if any(isinstance(each, list) for each in held):
            pairs = zip(held, rows, strict=True)
            held = [_of_each_feature(value, row) for value, row in pairs]
        columns[name] = pa.array(held)
    table = pa.table(columns).replace_schema_metadata({"shardplan": "\n".join(notes)})
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _yaml(rows: Sequence[dict[str, Any]], notes: Sequence[str]) -> str:
    """One table a line, as flow mappings."""
    comments = "".join(f"# {line}\n" for note in notes for line in note.splitlines() or [""])
    lines = "".join(f"\n  - {json.dumps(row)}" for row in rows) or " []"
    return f"{comments}tables:{lines}\n"


def _cells(path: FilePath, row: dict[str, Any]) -> dict[str, Any]:
    """By column, numbers, text and lists; a curve and a histogram have columns of their own."""
    found = {name: value for name, value in row.items() if name != "access"}
    if padding := row.get("padding"):
        found["padding"] = f"{padding['id']}:{padding['share']}"
    if losses := row.get("quality_loss"):
        found["quality_loss"] = ";".join(f"{form}={loss}" for form, loss in losses.items())
    if levels := row.get("prune"):
        found["prune"] = ";".join(f"{each['rows']}={each['loss']}" for each in levels)
    if isinstance(dynamic := row.get("dynamic"), dict):
        if dynamic.keys() != {"mode"}:
            message = f"{row['name']}: more than the mode of a dynamic table has no column"
            raise _refused(path, message, "write the tables as .yaml")
        found["dynamic"] = dynamic["mode"]
    match row.get("access"):
        case {"cdf": points}:
            found["cdf_rows"], found["cdf_accesses"] = map(list, zip(*points, strict=True))
        case {"reuse": bins}:
            found |= dict(zip(REUSE_COLUMNS, bins, strict=True))
        case {"zipf": exponent}:
            found["access"] = f"zipf:{exponent}"
        case str() as form:
            found["access"] = form
    return found


def _of_each_feature(value: Any, row: dict[str, Any]) -> Any:
    """A list, as others of its column are: a number is of each feature alike."""
    if value is None or isinstance(value, list):
        return value
    return [value] * len(row.get("features", [row["name"]]))


def _text(value: Any) -> Any:
    """A cell of a CSV file."""
    if isinstance(value, bool):
        return str(value).lower()
    return ";".join(map(str, value)) if isinstance(value, list) else value


def _refused(path: FilePath, message: str, hint: str = "") -> InputError:
    return InputError([Diagnostic(str(path), 0, 0, "", message, hint, code="file")])


def _used(rows: Sequence[dict[str, Any]]) -> list[str]:
    held = {name for row in rows for name in row} | {"name", "rows"}
    return [name for name in COLUMNS if name in held]
