"""Lines of a Criteo file, text or Parquet: 40 texts each, empty where one is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NUMBERS = 1 + 13
"""The label and the dense features; what follows are categories in hexadecimal."""

_LONGEST_LINE = 2**16
"""In characters: a file without an end may be without lines too."""

Line = tuple[int, list[str]]
"""Its number, from 1, and its fields."""


def criteo_lines(path: Path) -> Iterator[Line]:
    """The lines from the first to the last, and again. Raises InputError where it is not read."""
    read = _of_parquet if path.suffix == ".parquet" else _of_text
    while True:
        number = 0
        for number, fields in read(path):
            yield number, fields
        if not number:
            raise fault(path, 0, "is empty")


def fault(path: Path, line: int, message: str, hint: str = "") -> InputError:
    """What is wrong with a line, or with the file as a whole."""
    return InputError([Diagnostic(str(path), line, 0, "", message, hint, code="data")])


def _of_text(path: Path) -> Iterator[Line]:
    number = 0
    try:
        with path.open(encoding="utf-8") as file:
            while line := file.readline(_LONGEST_LINE):
                number += 1
                if len(line) == _LONGEST_LINE:
                    raise fault(path, number, f"has more than {_LONGEST_LINE:,} characters")
                yield number, line.rstrip("\n").split("\t")
    except (OSError, UnicodeDecodeError) as error:
        raise fault(path, number, f"cannot be read: {error}") from None


def _of_parquet(path: Path) -> Iterator[Line]:
    """Columns in the order of the text file, whatever their names; categories may be integers."""
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        hint = 'pip install "shardplan[parquet]", or use the tab-separated file'
        raise fault(path, 0, "reading .parquet needs pyarrow", hint) from None
    number = 0
    try:
        for batch in parquet.ParquetFile(path).iter_batches():
            for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                number += 1
                yield number, [_text(cell, at >= _NUMBERS) for at, cell in enumerate(cells)]
    except (ArrowException, OSError) as error:
        raise fault(path, number, f"cannot be read: {str(error).partition('.')[0]}") from None


def _text(cell: Any, is_category: bool) -> str:
    if cell is None:
        return ""
    return f"{cell:x}" if is_category and isinstance(cell, int) else str(cell)
