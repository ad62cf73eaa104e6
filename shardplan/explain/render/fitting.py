"""Grid -> cells that fit lines of a given width.

What is done where a grid is too wide, in this order, and no more of it than is needed:

1. prose and lists are broken into lines;
2. titles of columns are broken, bars shortened, and long names shortened in their middle;
3. columns are left out, those first that are most easily spared;
4. names are shortened, and words broken, further.

Numbers stay whole. What is left of the width goes to what was shortened.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from rich.cells import cell_len

from shardplan.explain.render.line_breaks import (
    KEPT_SPACE,
    broken,
    longest_piece,
    longest_word,
    shortened,
    shortened_item,
)
from shardplan.explain.report.report import Bar, with_units
from shardplan.printable import printable_line

if TYPE_CHECKING:
    from shardplan.explain.report.report import Cell, Column, Grid

GAP = 2
"""Between columns."""
_BAR_WIDTH, _SHORT_BAR_WIDTH = 20, 8
_SHORT, _SHORTEST = 20, 10
"""The length of names, and of words, to which they are shortened, and in the end."""
_WHOLE, _SHORTENED, _SPARING, _LAST = range(4)
"""The steps above."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What is shown of a grid: cells as lines of text, in columns of known widths."""

    positions: tuple[int, ...]
    """Of the columns that are shown."""
    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[int, ...]
    left_out: tuple[str, ...]
    """Titles of the columns for which there was no room."""


def fitted(grid: Grid, width: int) -> Fitted:
    """The grid in ``width`` columns, or in as few as it can have."""
    strips = [
        _Strip(position, column, tuple(row[position] for row in grid.rows))
        for position, column in enumerate(grid.columns)
        if column.least_width <= width
    ]
    kept, step = _chosen(strips, width)
    widths = _spread(kept, step, width)
    pairs = list(zip(kept, widths, strict=True))
    return Fitted(
        tuple(strip.position for strip in kept),
        tuple("\n".join(broken(strip.title, each)) for strip, each in pairs),
        tuple(zip(*(strip.shown(each) for strip, each in pairs), strict=True)),
        tuple(widths),
        tuple(strip.title for strip in strips if strip not in kept),
    )


@dataclass(frozen=True, eq=False)
class _Strip:
    """A column with its cells."""

    position: int
    column: Column
    cells: tuple[Cell, ...]

    @cached_property
    def title(self) -> str:
        """Printable."""
        return printable_line(self.column.title)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The cells, with spaces where they may be broken; bars are empty."""
        return tuple(_text(cell, self.column) for cell in self.cells)

    @cached_property
    def has_bars(self) -> bool:
        """Whether bars stand in it."""
        return any(isinstance(cell, Bar) for cell in self.cells)

    @cached_property
    def wanted(self) -> int:
        """The width of all of it on one line."""
        bar = _BAR_WIDTH if self.has_bars else 0
        return max([bar, cell_len(self.title), *map(cell_len, self.texts)])

    def least(self, step: int) -> int:
        """The least width after some steps."""
        title = cell_len(self.title) if step == _WHOLE else longest_piece(self.title)
        if step == _LAST and (self.column.is_name or self.column.may_break):
            title = min(title, _SHORT)  # Of a plan, which may be called anything.
        if self.has_bars:
            return max(title, _BAR_WIDTH if step == _WHOLE else _SHORT_BAR_WIDTH)
        return max([title, *(self._least_of(text, step) for text in self.texts)])

    def shown(self, width: int) -> list[str]:
        """The cells as lines of ``width``."""
        return [self._shown(*pair, width) for pair in zip(self.cells, self.texts, strict=True)]

    def _least_of(self, text: str, step: int) -> int:
        column = self.column
        if not (column.is_name or column.may_break):
            return cell_len(text)
        whole = cell_len(text) if column.is_name else longest_word(text)
        if step == _WHOLE:
            return whole
        if step == _LAST:
            return min(whole, _SHORT if column.is_list else _SHORTEST)
        piece = longest_piece(text) if column.is_prose else 0
        return min(whole, max(_SHORT, piece))

    def _shown(self, cell: Cell, text: str, width: int) -> str:
        if isinstance(cell, Bar):
            return cell.text(min(width, _BAR_WIDTH))
        if self.column.is_name:
            return shortened(text, width)
        if self.column.is_list:
            text = " ".join(shortened_item(item, width) for item in text.split(" "))
        return "\n".join(broken(text, width)) if self.column.may_break else text


def _text(cell: Cell, column: Column) -> str:
    if isinstance(cell, Bar):
        return ""
    if column.is_list:
        return ", ".join(item.replace(" ", KEPT_SPACE) for item in printable_line(cell).split(", "))
    return with_units(printable_line(cell), KEPT_SPACE)


def _chosen(strips: list[_Strip], width: int) -> tuple[list[_Strip], int]:
    """The columns that stay, and how many steps it took."""
    kept, step = list(strips), _WHOLE
    spared = sorted((s for s in strips if s.column.spare), key=lambda s: s.column.spare)
    while step < _LAST and _total([strip.least(step) for strip in kept]) > width:
        if step == _SPARING and spared:
            kept.remove(spared.pop())
        else:
            step += 1
    return kept, step


def _total(widths: list[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _spread(strips: list[_Strip], step: int, width: int) -> list[int]:
    """The least widths, with what is left evenly among those that want more."""
    widths = [strip.least(step) for strip in strips]
    spare = max(0, width - _total(widths))
    wants = [max(0, strip.wanted - least) for strip, least in zip(strips, widths, strict=True)]
    order = sorted(range(len(widths)), key=lambda position: wants[position])
    for done, position in enumerate(order):
        extra = min(wants[position], spare // (len(order) - done))
        widths[position] += extra
        spare -= extra
    return widths
