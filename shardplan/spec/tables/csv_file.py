"""Tables from a CSV file, with the line and column of every cell."""

from __future__ import annotations

import csv
import io
import re
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.spec.tables.columns import (
    CDF_COLUMNS,
    REUSE_COLUMNS,
    CellError,
    column_faults,
    fold_access,
    missing_columns,
    ragged_fault,
    read_cell,
)
from shardplan.spec.text.compose import MOST_VALUES
from shardplan.spec.text.document import Document, read_text, source_line
from shardplan.spec.text.place import NOWHERE, Place
from shardplan.spec.validation.listing import MOST_NAMED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path as FilePath

_MOST_FAULTS = 1_000
_CELL = re.compile(r'(?:"(?:[^"]|"")*"|[^,])*')


def read_csv(path: FilePath) -> Document:
    """The rows of a CSV file; raises InputError with every fault of the header and the cells."""
    return _Reader(str(path), read_text(path, str(path))).read()


class _Reader:
    """Reads row by row and gathers faults."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._lines = re.split(r"\r\n|\n|\r", text)
        self._rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        self._faults: list[Diagnostic] = []
        self._tables: list[dict[str, Any]] = []
        self._places: list[Place] = []

    def read(self) -> Document:
        """The whole file."""
        try:
            self._read_rows()
        except csv.Error as error:
            self._fault(self._rows.line_num, 1, f"is not valid CSV: {error}", "check the quotes")
        if self._faults:
            raise InputError(self._faults)
        root = NOWHERE._replace(line=1, column=1, children=self._places)
        return Document(self._tables, self._file, root, self._lines)

    def _read_rows(self) -> None:
        header = [name.strip() for name in next(self._rows, [])]
        self._check_header(header)
        if self._faults:
            return  # cells mean nothing under a wrong header
        line = self._rows.line_num + 1
        for row in self._rows:
            if row:
                self._read_row(header, row, line)
            if len(self._faults) >= _MOST_FAULTS:
                return
            if len(self._tables) * len(header) > MOST_VALUES:
                self._fault(line, 1, f"more than {MOST_VALUES:,} cells", "leave columns out")
                return
            line = self._rows.line_num + 1

    def _check_header(self, header: list[str]) -> None:
        columns = self._columns(1)
        for position, message, hint in islice(column_faults(header), MOST_NAMED):
            self._fault(1, columns[position], message, hint)
        for name in missing_columns(header):
            self._fault(1, 1, f"the column {name!r} is missing", "the first line names the columns")

    def _read_row(self, header: list[str], row: list[str], line: int) -> None:
        if ragged := ragged_fault(len(row), len(header)):
            self._fault(line, 1, *ragged)
            return
        table: dict[str, Any] = {}
        for position, (name, text) in enumerate(zip(header, row, strict=True)):
            if not (cell := text.strip()):
                continue
            try:
                table[name] = read_cell(name, cell)
            except CellError as error:
                starts = self._columns(line)
                column = starts[min(position, len(starts) - 1)]
                where = f"[{len(self._tables)}].{name}"
                self._fault(line, column, str(error), error.hint, where)
        places: Callable[[], dict[str, Place]] | dict[str, Place]
        places = partial(self._places_of, header, line, frozenset(table))
        if not table.keys().isdisjoint((*CDF_COLUMNS, *REUSE_COLUMNS)):
            places = self._places_of(header, line, table.keys())
            self._fold_access(table, places)
        self._tables.append(table)
        self._places.append(Place(line, 1, line, 1, places))

    def _places_of(
        self, header: Sequence[str], line: int, filled: Collection[str]
    ) -> dict[str, Place]:
        """Where the cells of a line stand that are filled."""
        starts = zip(header, self._columns(line), strict=False)
        return {name: Place(line, at, line, at) for name, at in starts if name in filled}

    def _fold_access(self, table: dict[str, Any], places: dict[str, Place]) -> None:
        """The columns of an access of their own as the table's access."""
        names = [name for name in (*CDF_COLUMNS, *REUSE_COLUMNS) if name in table]
        place = places[names[0]]
        for error in fold_access(table):
            where = f"[{len(self._tables)}]"
            self._fault(place.line, place.column, str(error), error.hint, where)
        match table.get("access"):
            case {"reuse": [*_]}:
                form, inner = "reuse", [places.get(name, place) for name in REUSE_COLUMNS]
            case {"cdf": [*points]}:
                pair = [places.get(name, place) for name in CDF_COLUMNS]
                form, inner = "cdf", [place._replace(children=pair)] * len(points)
            case _:
                return
        places["access"] = place._replace(children={form: place._replace(children=inner)})

    def _columns(self, line: int) -> list[int]:
        """Where each cell of a line begins, from 1, with one to spare."""
        text = self._lines[line - 1] if line <= len(self._lines) else ""
        starts = [1]
        if '"' not in text:
            for cell in text.split(","):
                starts.append(starts[-1] + len(cell) + 1)
            return starts
        while (found := _CELL.match(text, starts[-1] - 1)) and found.end() < len(text):
            starts.append(found.end() + 2)
        return starts + starts[-1:] * text.count(",")

    def _fault(self, line: int, column: int, message: str, hint: str = "", path: str = "") -> None:
        source = source_line(self._lines, line, column)
        self._faults.append(Diagnostic(self._file, line, column, path, message, hint, source))
