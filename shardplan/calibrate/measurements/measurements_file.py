"""Measurements as a CSV file with the columns of ``MeasurementRow``; tables are JSON in a cell."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shardplan.calibrate.measurements.measurement_row import MeasurementRow
from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.spec.fields.border import Border
from shardplan.spec.tables.columns import column_faults
from shardplan.spec.text.document import MAX_BYTES, Document, decode, read_text, source_line
from shardplan.spec.text.place import Place
from shardplan.spec.text.scalars import ScalarError, resolve
from shardplan.spec.validation.listing import MOST_NAMED
from shardplan.spec.validation.validation import validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.calibrate.measurements.measurement import Measurement

COLUMNS = tuple(MeasurementRow.model_fields)
_LINE_BREAK = re.compile(r"\r\n|\n|\r")


class _Rows(Border):
    measurements: tuple[MeasurementRow, ...]


def read_measurements(path: str, origin: str | None = None) -> list[Measurement]:
    """The measurements of a file; all must be of this ``origin`` where one is given.

    Raises InputError with every fault of the file and its line.
    """
    return _measurements(_document(read_text(Path(path), path), path), origin)


def resume_measurements(path: Path, origin: str) -> tuple[list[Measurement], bool]:
    """The measurements of a file that is to be gone on with, and whether its last line was half.

    Such a line, which no line feed ends since its job was killed, is cut off: half a number looks
    like a whole one. Raises InputError as ``read_measurements`` does, and leaves the file then.
    """
    file = str(path)
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        message = f"cannot read the file: {error.strerror}"
        raise InputError([Diagnostic(file, 0, 0, "", message, code="file")]) from None
    whole = data if len(data) > MAX_BYTES else data[: data.rfind(b"\n") + 1]
    found = _measurements(_document(decode(whole, file), file), origin) if whole else []
    if len(whole) < len(data):
        try:
            os.truncate(path, len(whole))
        except OSError as error:
            message = f"cannot write: {error.strerror}"
            raise InputError([Diagnostic(file, 0, 0, "", message, code="write")]) from None
    return found, len(whole) < len(data)


def _measurements(document: Document, origin: str | None) -> list[Measurement]:
    rows = validate(_Rows, document).measurements
    if origin is not None:
        _check_origin(document, rows, origin)
    return [row.measurement() for row in rows]


def _check_origin(document: Document, rows: Sequence[MeasurementRow], origin: str) -> None:
    for index, row in enumerate(rows):
        if row.origin != origin:
            known = f"with {row.origin}" if row.origin else "nobody knows with what"
            message = f"measured {known}; this calibration is one with {origin}"
            hint = "move the file away to measure again, or write the cost model elsewhere"
            raise InputError([document.diagnostic(("measurements", index), message, hint)])


def as_csv(measurements: Sequence[Measurement], with_header: bool = True, origin: str = "") -> str:
    """The text of a file, or of lines to append to one."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    if with_header:
        writer.writeheader()
    for measurement in measurements:
        row = MeasurementRow.of(measurement, origin)
        values = row.model_dump(mode="json", exclude_none=True)
        tables = [_short(table) for table in values.pop("tables")]
        cell = {"tables": json.dumps(tables, separators=(",", ":"))} if tables else {}
        writer.writerow(values | cell)
    return out.getvalue()


def _short(table: dict[str, Any]) -> dict[str, Any]:
    usual = {"access": "uniform", "dtype": "fp32"}
    return {key: value for key, value in table.items() if usual.get(key) != value}


def _document(text: str, file: str) -> Document:
    """The rows as plain values; the places are those of their lines."""
    lines = _LINE_BREAK.split(text)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[dict[str, Any]] = []
    places: list[Place] = []
    faults: list[Diagnostic] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        faults += _header_faults(header, file, lines)
        line = reader.line_num + 1
        for cells in reader if not faults else ():
            if cells:
                rows.append(_row(dict(zip(header, cells, strict=False))))
                places.append(Place(line, 1, line, 1))
            line = reader.line_num + 1
    except csv.Error as error:
        message = f"is not valid CSV: {error}"
        faults.append(Diagnostic(file, reader.line_num, 1, "", message, "check the quotes"))
    if faults:
        raise InputError(faults)
    root = Place(1, 1, 1, 1, {"measurements": Place(1, 1, 1, 1, places)})
    return Document({"measurements": rows}, file, root, lines)


def _header_faults(header: list[str], file: str, lines: Sequence[str]) -> list[Diagnostic]:
    named = islice(column_faults(header, COLUMNS), MOST_NAMED)
    found = [(message, hint) for _, message, hint in named]
    found += [
        (f"the column {name!r} is missing", "the first line names the columns")
        for name in ("subject", "seconds")
        if name not in header
    ]
    source = source_line(lines, 1, 1)
    return [Diagnostic(file, 1, 1, "", message, hint, source) for message, hint in found]


def _row(cells: dict[str, str]) -> dict[str, Any]:
    return {name: _value(name, text.strip()) for name, text in cells.items() if text.strip()}


def _value(name: str, text: str) -> Any:
    """A cell as a plain value; what cannot be read stays text, which the validation refuses."""
    try:
        return json.loads(text) if name == "tables" else resolve(text)
    except (ValueError, ScalarError, RecursionError):
        return text
