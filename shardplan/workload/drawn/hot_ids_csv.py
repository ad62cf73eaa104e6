"""The columns of a CSV file of hot ids, with the line and column of what is wrong."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

import numpy as np

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

ID_COLUMN, COUNT_COLUMN = "id", "count"
_WHOLE = re.compile(r"[+-]?[0-9]+")
_MOST = np.iinfo(np.int64).max


def read_columns(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
    """(n,): the column ``id``, and ``count`` where there is one.

    Raises InputError with the first line that is wrong, and OSError.
    """
    # A byte order mark, as spreadsheets write it, is no part of the first column's name.
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.reader(file)
        try:
            header = [name.strip() for name in next(rows, [])]
            places = _places(path, header)
            numbers: list[list[int]] = [[] for _ in places]
            for row in rows:
                if not row:
                    continue
                if len(row) != len(header):
                    message = f"has {len(row)} cells, and the header names {len(header)} columns"
                    raise _fault(path, rows.line_num, 1, "", message)
                for column, (name, place) in zip(numbers, places, strict=True):
                    column.append(_number(path, row, name, place, rows.line_num))
        except UnicodeDecodeError as error:
            where = f"byte {error.start + 1:,} of what is read is {error.object[error.start]:#04x}"
            raise _fault(path, 0, 0, "", f"is not UTF-8: {where}", "save it as UTF-8") from None
        except csv.Error as error:
            raise _fault(path, rows.line_num, 1, "", f"is not valid CSV: {error}") from None
    ids, *counts = (np.array(column, dtype=np.int64) for column in numbers)
    return ids, counts[0] if counts else None


def _places(path: Path, header: Sequence[str]) -> list[tuple[str, int]]:
    """Where ids stand in a row, and counts."""
    if ID_COLUMN not in header:
        hint = f"ids, hottest first, are in the column {ID_COLUMN}"
        raise _fault(path, 1, 1, "", f"has no column {ID_COLUMN}", hint)
    held = [name for name in (ID_COLUMN, COUNT_COLUMN) if name in header]
    for name in held:
        if (times := header.count(name)) > 1:
            raise _fault(path, 1, 1, "", f"has {times} columns {name}")
    return [(name, header.index(name)) for name in held]


def _number(path: Path, row: Sequence[str], name: str, place: int, line: int) -> int:
    column, text = 1 + sum(map(len, row[:place])) + place, row[place].strip()
    said = {ID_COLUMN: "an id", COUNT_COLUMN: "a count"}[name]
    if not _WHOLE.fullmatch(text):  # int() takes 1_0 too, and digits of other scripts
        told = f"not {row[place]!r}" if text else "and there is none"
        raise _fault(path, line, column, name, f"{said} is a whole number, {told}")
    try:
        number = int(text)
    except ValueError:  # of thousands of digits
        number = _MOST + 1
    if abs(number) > _MOST:
        shown = text if len(text) <= len(str(_MOST)) * 2 else f"a number of {len(text):,} digits"
        message = f"{shown} is not {said}: it has more than 63 bits"
        raise _fault(path, line, column, name, message)
    return number


def _fault(
    path: Path, line: int, column: int, where: str, message: str, hint: str = ""
) -> InputError:
    return InputError([Diagnostic(str(path), line, column, where, message, hint, code="file")])
