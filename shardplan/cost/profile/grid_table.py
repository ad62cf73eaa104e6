"""Measured products in a .csv file."""

from __future__ import annotations

from typing import Any

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError


def read_grid(text: str, file: str) -> dict[str, Any]:
    """``m``, ``n``, ``k`` and ``microseconds`` of a table with columns m, n and one for each k.

    Raises InputError at the first line that cannot be part of a grid.
    """
    lines = text.splitlines()
    head = lines[0].split(",") if lines else []
    if head[:2] != ["m", "n"] or not all(size.isdecimal() for size in head[2:]):
        raise _fault(file, 1, "must begin with m,n and sizes of k", "for example m,n,32,64")
    cells: dict[int, dict[int, list[float]]] = {}
    for number, line in enumerate(lines[1:], 2):
        row = line.split(",")
        try:
            m, n = int(row[0]), int(row[1])
            times = [float(time) for time in row[2:]]
        except (ValueError, IndexError):
            raise _fault(file, number, "must be whole numbers m and n, and times") from None
        if n in cells.setdefault(m, {}):
            raise _fault(file, number, f"a second row of m {m} and n {n}")
        cells[m][n] = times
    of_first = list(next(iter(cells.values()), {}))
    for m, rows in cells.items():
        if list(rows) != of_first:
            raise _fault(file, 0, f"m {m} has not the same sizes of n as the first, in their order")
    return {
        "m": list(cells),
        "n": of_first,
        "k": [int(size) for size in head[2:]],
        "microseconds": [list(rows.values()) for rows in cells.values()],
    }


def _fault(file: str, line: int, message: str, hint: str = "") -> InputError:
    return InputError([Diagnostic(file, line, 1, "", message, hint, code="grid")])
