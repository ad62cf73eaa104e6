"""The table of parameters that TorchRec's ``EmbeddingStats`` logs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shardplan.convert.from_torchrec.stated_table import StatedTable
from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIRST = re.compile(r"\bFQN\s{3,}Sharding\b")
_GAP = re.compile(r"\s{3,}")
_TYPES = {
    "DP": "data_parallel",
    "TW": "table_wise",
    "CW": "column_wise",
    "RW": "row_wise",
    "TWRW": "table_row_wise",
    "TWCW": "table_column_wise",
    "GS": "grid_shard",
}
"""TorchRec's abbreviations."""
_WIDTH = re.compile(r"(\d+) \((\d+)\)")


def printed_stats(text: str, file: str) -> tuple[StatedTable, ...]:
    """Its tables; none where there is no such table. Raises InputError for broken lines."""
    return tuple(_table(number, row, file) for number, row in _rows(text))


def _rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Line and cells by column; the table ends where a line has another number of cells."""
    header: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if _FIRST.search(line):
            header = _cells(line[line.index("#") + 1 :] if "#" in line else line)
        elif header:
            cells = _cells(line[line.index("#") + 1 :] if "#" in line else line)
            if len(cells) != len(header):
                return
            if set(cells[0]) != {"-"}:
                yield number, dict(zip(header, cells, strict=True))


def _cells(line: str) -> list[str]:
    return _GAP.split(line.strip().removesuffix("#").strip())


def _table(number: int, row: dict[str, str], file: str) -> StatedTable:
    try:
        module, _, name = row["FQN"].rpartition(".")
        width = _WIDTH.fullmatch(row["Emb Dim (CW Dim)"])
        factor = row["Cache Load Factor"]
        return StatedTable(
            module,
            name,
            _TYPES[row["Sharding"]],
            row["Compute Kernel"],
            tuple(_ranks(row["Ranks"])),
            column_shards=-(-int(width[1]) // int(width[2])) if width else 1,
            load_factor=None if factor == "None" else float(factor),
            line=number,
        )
    except (KeyError, ValueError) as error:
        message = f"is no line of the table that EmbeddingStats logs: {error}"
        raise InputError([Diagnostic(file, number, 0, "", message, code="plan")]) from None


def _ranks(text: str) -> Iterator[int]:
    for part in text.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)
