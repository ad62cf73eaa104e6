"""Measurements as a CSV file with the columns of ``MeasurementRow``; tables are JSON in a cell."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shardplan.calibrate.measurements.csv_document import csv_document
from shardplan.calibrate.measurements.growing_file import GrowingFile
from shardplan.calibrate.measurements.measurement_row import MeasurementRow
from shardplan.errors import InputError
from shardplan.spec.fields.border import Border
from shardplan.spec.text.document import Document, read_text
from shardplan.spec.validation.validation import validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.calibrate.measurements.measurement import Measurement

COLUMNS = tuple(MeasurementRow.model_fields)
_NEEDED = ("subject", "seconds")


class _Rows(Border):
    measurements: tuple[MeasurementRow, ...]


def read_measurements(path: str, origin: str | None = None) -> list[Measurement]:
    """The measurements of a file; all must be of this ``origin`` where one is given.

    Raises InputError with every fault of the file and its line.
    """
    return _measurements(csv_document(read_text(Path(path), path), path, COLUMNS, _NEEDED), origin)


def resume_measurements(path: Path, origin: str) -> tuple[list[Measurement], bool]:
    """The measurements of a file that is to be gone on with, and whether its last line was half.

    Such a line is cut off. Raises InputError as ``read_measurements`` does, and leaves the file
    then.
    """
    file = GrowingFile(path)
    text = file.whole_lines()
    known = csv_document(text, str(path), COLUMNS, _NEEDED) if text else None
    found = _measurements(known, origin) if known is not None else []
    return found, file.cut_half_line()


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
