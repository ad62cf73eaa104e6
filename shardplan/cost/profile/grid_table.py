"""Measured products in a .csv file."""

from __future__ import annotations

import re
from typing import Any

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.spec.fields.numeric import as_number, as_whole
from shardplan.spec.tables.columns import ragged_fault
from shardplan.spec.text.scalars import ScalarError, resolve

_LINE_BREAK = re.compile(r"\r\n|\n|\r")


def read_grid(text: str, file: str) -> dict[str, Any]:
    """``m``, ``n``, ``k`` and ``microseconds`` of a table with columns m, n and one for each k.

    Raises InputError at the first line that cannot be part of a grid.
    """
    lines = _LINE_BREAK.split(text)
    head = lines[0].split(",")
    sizes = [_size(cell) for cell in head[2:]]
    if head[:2] != ["m", "n"] or not all(sizes):
        raise _fault(file, 1, "must begin with m,n and sizes of k", "for example m,n,32,64")
    cells: dict[int, dict[int, list[float]]] = {}
    first_line: dict[int, int] = {}
    for number, line in enumerate(lines[1:], 2):
        if not line and number == len(lines):
            break
        row = line.split(",")
        if ragged := ragged_fault(len(row), len(head)):
            raise _fault(file, number, ragged[0])
        m, n, times = _size(row[0]), _size(row[1]), [_time(cell) for cell in row[2:]]
        if not m or not n or not all(times):
            raise _fault(file, number, "must be whole numbers m and n, and times above 0")
        first_line.setdefault(m, number)
        if n in cells.setdefault(m, {}):
            raise _fault(file, number, f"a second row of m {m} and n {n}")
        cells[m][n] = times
    of_first = list(next(iter(cells.values()), {}))
    for m, rows in cells.items():
        if list(rows) != of_first:
            message = f"m {m} has not the same sizes of n as the first, in their order"
            raise _fault(file, first_line[m], message)
    return {
        "m": list(cells),
        "n": of_first,
        "k": sizes,
        "microseconds": [list(rows.values()) for rows in cells.values()],
    }


def _size(cell: str) -> int:
    """A whole number; 0 where there is none above 0."""
    return max(as_whole(_value(cell)) or 0, 0)


def _time(cell: str) -> float:
    """A number; 0 where there is none above 0."""
    return max(as_number(_value(cell)) or 0.0, 0.0)


def _value(cell: str) -> Any:
    """What a cell says by the rules of specs; None where that is refused."""
    try:
        return resolve(cell.strip())
    except ScalarError:
        return None


def _fault(file: str, line: int, message: str, hint: str = "") -> InputError:
    return InputError([Diagnostic(file, line, 1, "", message, hint, code="grid")])
