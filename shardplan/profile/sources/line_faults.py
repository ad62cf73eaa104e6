"""Which line of a text file is at fault, once an engine has refused it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from shardplan.profile.sources.cells import cells_of
from shardplan.profile.sources.found import DataFormat
from shardplan.profile.storage import refused, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from shardplan.errors import InputError
    from shardplan.profile.sources.found import DataFile

_LINE = re.compile(r"\bline:? (\d+)", re.IGNORECASE)
_KIND = re.compile(r"^([A-Z][A-Za-z]* )+Error: ")
"""How what DuckDB says begins."""
_UNCLOSED = "unterminated quote"
_WHOLE = re.compile(r"[+-]?\d+")
_HEX = re.compile(r"[0-9a-fA-F]{1,8}")
_SPARSE = 26
_LARGEST = 2**63
_DIGITS = 19
"""Of numbers below 2^63 at most."""
_SHOWN = 40


def line_fault(file: DataFile, said: str) -> InputError:
    """The first line of the file that is wrong; or what the engine said, where none is found."""
    with unpacked(file.path) as lines:
        found = _first_fault(file, lines)
    if found is not None:
        line, column, message = found
        return refused(file.path, message, line=line, column=column)
    hit = _LINE.search(said)
    line = int(hit[1]) if hit else 0
    if _UNCLOSED in said:
        hint = "close it, or write it twice where it is part of a text in quotes"
        return refused(file.path, "has a quote that nothing closes", hint, line=line)
    first = said.strip().splitlines()[0] if said.strip() else "cannot be read"
    return refused(file.path, _KIND.sub("", first), line=line)


def _first_fault(file: DataFile, lines: BinaryIO) -> tuple[int, int, str] | None:
    if file.form is DataFormat.JSON:
        return next(_json_faults(lines), None)
    wide = 0
    for number, text in enumerate(_decoded(lines), 1):
        if isinstance(text, int):
            return number, text, "is not UTF-8"
        line = text.rstrip("\r\n")
        cells = line.split("\t") if file.is_tabbed else cells_of(line)
        wide = wide or len(cells)
        if len(cells) != wide:
            return number, 1, f"has {len(cells)} values, and the first line has {wide}"
        fault = _criteo_fault(cells) if file.form is DataFormat.CRITEO else None
        fault = fault or _number_fault(cells)
        if fault is not None:
            at, message = fault
            return number, 1 + sum(len(cell) + 1 for cell in cells[:at]), message
    return None


def _decoded(lines: BinaryIO) -> Iterator[str | int]:
    for line in lines:
        try:
            yield line.decode()
        except UnicodeDecodeError as error:
            yield error.start + 1


def _json_faults(lines: BinaryIO) -> Iterator[tuple[int, int, str]]:
    for number, text in enumerate(_decoded(lines), 1):
        if isinstance(text, int):
            yield number, text, "is not UTF-8"
            continue
        try:
            json.loads(text or "null")
        except ValueError as error:
            column = getattr(error, "colno", 1)
            yield number, column, f"is not valid JSON: {getattr(error, 'msg', error)}"


def _criteo_fault(cells: list[str]) -> tuple[int, str] | None:
    sparse = len(cells) - _SPARSE
    for at, cell in enumerate(cells):
        if not cell:
            continue
        if at >= sparse and not _HEX.fullmatch(cell):
            return at, f"must be at most 8 hexadecimal digits (got {cell[:_SHOWN]!r})"
        if at < sparse and not _WHOLE.fullmatch(cell):
            return at, f"must be a whole number (got {cell[:_SHOWN]!r})"
    return None


def _fits(cell: str) -> bool:
    """Whether a whole number fits 64 bits; Python reads no number of thousands of digits."""
    if len(cell.lstrip("+-0")) > _DIGITS:
        return False
    return -_LARGEST <= int(cell.lstrip("+")) < _LARGEST


def _number_fault(cells: list[str]) -> tuple[int, str] | None:
    """A whole number that does not fit 64 bits."""
    for at, cell in enumerate(cells):
        if _WHOLE.fullmatch(cell) and not _fits(cell):
            return at, f"does not fit 64 bits (got {cell[:_SHOWN]})"
    return None
