"""The documentation as the tests see it: fenced blocks and tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
)

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CELL = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a page: the names of its columns, and its rows."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    found = _FENCE.findall(page.read_text(encoding="utf-8"))
    return [text for tongue, text in found if tongue == language]


def tables(page: Path) -> list[Table]:
    """All tables of a page, in order."""
    found: list[list[tuple[str, ...]]] = [[]]
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("|"):
            found[-1].append(tuple(cell.strip() for cell in _CELL.split(line)[1:-1]))
        elif found[-1]:
            found.append([])
    return [Table(lines[0], tuple(lines[2:])) for lines in found if lines]


def table(page: Path, first_column: str) -> Table:
    """The table of a page whose first column has this name."""
    return next(found for found in tables(page) if found.header[0] == first_column)


def codes(cell: str) -> list[str]:
    """What stands in backquotes in a cell."""
    return re.findall(r"`([^`]+)`", cell)
