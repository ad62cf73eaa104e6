"""What is shown, apart from how: titles, sentences and grids of text and bars."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_BEFORE_UNIT = re.compile(
    r"(?<=\d) (?=(?:[num]?s|min|h|[KMGTPE]?i?B)\b)|(?<=B) (?=(?:hbm|ddr|ssd)\b)| (?=\+ )"
)
"""Also between sizes and their tiers, and before what adds another."""
_BLOCKS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


@dataclass(frozen=True, slots=True)
class Bar:
    """A share drawn as a bar."""

    fraction: float
    """From 0 to 1; what is outside is drawn as the nearer of the two."""
    is_full: bool = False
    """Whether this much is worth a warning."""

    def text(self, width: int) -> str:
        """Blocks, an eighth of a character exact, on a ground of ``width`` dots."""
        eighths = round(min(1.0, max(0.0, self.fraction)) * width * 8)
        blocks = "█" * (eighths // 8) + _BLOCKS[eighths % 8]
        return blocks + "·" * (width - len(blocks))


Cell = str | Bar


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a grid."""

    title: str
    is_number: bool = False
    """Numbers are set to the right."""
    is_prose: bool = False
    """Prose may be broken into lines."""
    is_list: bool = False
    """A list may be broken after its commas."""
    is_name: bool = False
    """Names are shortened in the middle where lines are too short for them."""
    spare: int = 0
    """How easily it is spared: where lines are too short, columns with the most are left out
    first; those with 0 stay."""
    least_width: int = 0
    """Where lines are shorter than this, the column is left out without a word."""

    @property
    def may_break(self) -> bool:
        """Whether its cells may have several lines."""
        return self.is_prose or self.is_list


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows of cells, each row as long as there are columns."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A title, what it means, a grid, and remarks below it."""

    title: str
    meaning: str = ""
    grid: Grid | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A whole answer."""

    title: str
    sections: tuple[Section, ...] = field(default=())
    closing: str = ""
    """One line that sums it up, at the end."""


def with_units(text: str, space: str) -> str:
    """Text with ``space``, at which no line is broken, between numbers and what they count."""
    return _BEFORE_UNIT.sub(space, text)
