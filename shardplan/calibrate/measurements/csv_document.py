"""A CSV file of measurements as a document whose faults have lines."""

from __future__ import annotations

import csv
import io
import json
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.spec.tables.columns import column_faults, ragged_fault
from shardplan.spec.text.document import Document, source_line
from shardplan.spec.text.place import Place
from shardplan.spec.text.scalars import ScalarError, resolve
from shardplan.spec.validation.listing import MOST_NAMED

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_FAULTS = 1_000
_LINE_BREAK = re.compile(r"\r\n|\n|\r")


def csv_document(text: str, file: str, columns: Sequence[str], needed: Sequence[str]) -> Document:
    """The rows as plain values under ``measurements``; the places are those of their lines.

    Raises InputError for columns that are not among ``columns``, for ``needed`` ones that are not
    there, for rows of more or fewer cells, and for what is no CSV.
    """
    lines = _LINE_BREAK.split(text)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[dict[str, Any]] = []
    places: list[Place] = []
    faults: list[Diagnostic] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        faults += _header_faults(header, file, lines, columns, needed)
        line = reader.line_num + 1
        for cells in reader if not faults else ():
            if ragged := ragged_fault(len(cells), len(header)) if cells else None:
                faults.append(Diagnostic(file, line, 1, "", *ragged, source_line(lines, line, 1)))
            elif cells:
                rows.append(_row(dict(zip(header, cells, strict=True))))
                places.append(Place(line, 1, line, 1))
            if len(faults) >= _MOST_FAULTS:
                break
            line = reader.line_num + 1
    except csv.Error as error:
        message = f"is not valid CSV: {error}"
        faults.append(Diagnostic(file, reader.line_num, 1, "", message, "check the quotes"))
    if faults:
        raise InputError(faults)
    root = Place(1, 1, 1, 1, {"measurements": Place(1, 1, 1, 1, places)})
    return Document({"measurements": rows}, file, root, lines)


def _header_faults(
    header: list[str],
    file: str,
    lines: Sequence[str],
    columns: Sequence[str],
    needed: Sequence[str],
) -> list[Diagnostic]:
    named = islice(column_faults(header, columns), MOST_NAMED)
    found = [(message, hint) for _, message, hint in named]
    found += [
        (f"the column {name!r} is missing", "the first line names the columns")
        for name in needed
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
