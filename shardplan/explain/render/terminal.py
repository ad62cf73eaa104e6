"""Report -> text for a terminal or a pipe."""

from __future__ import annotations

import re
from io import StringIO
from itertools import compress
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.constrain import Constrain
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from shardplan.explain.report.report import Bar, Grid, with_units
from shardplan.printable import printable_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from shardplan.explain.report.report import Cell, Column, Report

_BAR_WIDTH = 20
_UNLIMITED = 10_000
"""Columns of a pipe: nothing is wrapped there."""
_MARGIN = 2
_GAP = 2
_KEPT_SPACE = "\ue000"
"""A space at which no line is broken; of private use, so that no text has it by itself."""
_INSIDE_ITEM = re.compile(r"(?<!,) ")


def render_terminal(report: Report, *, width: int | None = None, colour: bool = False) -> str:
    """The report as lines of ``width`` columns where that can be without cutting a number.

    Without a width lines are as long as they need be. Bars are legible without colour.
    """
    console = Console(
        file=StringIO(),
        width=_UNLIMITED,
        # Without a height rich asks the terminal for both, whatever the width.
        height=_UNLIMITED,
        force_terminal=colour,
        no_color=not colour,
        color_system="standard" if colour else None,
        legacy_windows=False,
        highlight=False,
    )
    with console.capture() as capture:
        for part in _parts(report, width or _UNLIMITED):
            console.print(part)
    lines = capture.get().replace(_KEPT_SPACE, " ").splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _parts(report: Report, width: int) -> Iterator[RenderableType]:
    yield Constrain(Text(printable_line(report.title), "bold"), width)
    for section in report.sections:
        heading = Text(f"\n{printable_line(section.title)}", "bold cyan")
        if section.meaning:
            heading.append(f"  {printable_line(section.meaning)}", "not bold dim default")
        yield Constrain(heading, width)
        if section.grid:
            table = _table(_fitting(section.grid, width), width - _MARGIN)
            yield Padding(table, (0, 0, 0, _MARGIN))
        for remark in section.remarks:
            indented = Padding(_text(remark), (0, 0, 0, _MARGIN))
            yield Constrain(indented, width)


def _text(plain: str, style: str = "") -> Text:
    """Printable text whose numbers keep their units."""
    return Text(with_units(printable_line(plain), _KEPT_SPACE), style)


def _fitting(grid: Grid, width: int) -> Grid:
    """Without the columns that need wider lines."""
    kept = [column.least_width <= width for column in grid.columns]
    rows = (tuple(compress(row, kept)) for row in grid.rows)
    return Grid(tuple(compress(grid.columns, kept)), tuple(rows))


def _table(grid: Grid, width: int) -> Table:
    table = Table(
        box=None,
        padding=(0, _GAP, 0, 0),
        pad_edge=False,
        show_header=any(column.title for column in grid.columns),
        header_style="dim",
    )
    rows = [
        [_cell(cell, column) for cell, column in zip(row, grid.columns, strict=True)]
        for row in grid.rows
    ]
    for column, column_width in zip(grid.columns, _column_widths(grid, rows, width), strict=True):
        table.add_column(
            Text(printable_line(column.title)),
            justify="right" if column.is_number else "left",
            width=column_width,
            no_wrap=not _may_break(column),
        )
    for row in rows:
        table.add_row(*row)
    return table


def _column_widths(grid: Grid, rows: list[list[Text]], width: int) -> list[int]:
    """Widths that keep every name and number whole, also where that takes more than ``width``.

    Rich would cut them. What is left of ``width`` goes to prose.
    """
    columns = [
        [Text(printable_line(column.title)), *(row[position] for row in rows)]
        for position, column in enumerate(grid.columns)
    ]
    wanted = [max(cell.cell_len for cell in cells) for cells in columns]
    prose = [position for position, column in enumerate(grid.columns) if _may_break(column)]
    widths = list(wanted)
    for position in prose:
        widths[position] = max(_longest_word(cell) for cell in columns[position])
    spare = max(0, width - sum(widths) - _GAP * (len(widths) - 1))
    for count, position in enumerate(prose):
        extra = min(wanted[position] - widths[position], spare // (len(prose) - count))
        widths[position] += extra
        spare -= extra
    return widths


def _longest_word(cell: Text) -> int:
    return max((cell_len(word) for word in cell.plain.split()), default=1)


def _may_break(column: Column) -> bool:
    return column.is_prose or column.is_list


def _cell(cell: Cell, column: Column) -> Text:
    if isinstance(cell, Bar):
        return Text(cell.text(_BAR_WIDTH), "red" if cell.is_full else "green", no_wrap=True)
    if column.is_list:
        return Text(_INSIDE_ITEM.sub(_KEPT_SPACE, printable_line(cell)))
    return _text(cell)
