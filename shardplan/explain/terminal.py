"""Report -> text for a terminal or a pipe."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.constrain import Constrain
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from shardplan.explain.report import Bar, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from shardplan.explain.report import Cell, Grid, Report

_BAR_WIDTH = 20
_UNLIMITED = 10_000
"""Columns of a pipe: nothing is wrapped there."""
_MARGIN = 2
_GAP = 2


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
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def _parts(report: Report, width: int) -> Iterator[RenderableType]:
    yield Constrain(Text(printable(report.title), "bold"), width)
    for section in report.sections:
        heading = Text(f"\n{printable(section.title)}", "bold cyan")
        if section.meaning:
            heading.append(f"  {printable(section.meaning)}", "not bold dim default")
        yield Constrain(heading, width)
        if section.grid:
            yield Padding(_table(section.grid, width - _MARGIN), (0, 0, 0, _MARGIN))
        for remark in section.remarks:
            indented = Padding(Text(printable(remark)), (0, 0, 0, _MARGIN))
            yield Constrain(indented, width)


def _table(grid: Grid, width: int) -> Table:
    table = Table(
        box=None,
        padding=(0, _GAP, 0, 0),
        pad_edge=False,
        show_header=any(column.title for column in grid.columns),
        header_style="dim",
    )
    rows = [[_cell(cell) for cell in row] for row in grid.rows]
    for column, column_width in zip(grid.columns, _column_widths(grid, rows, width), strict=True):
        table.add_column(
            Text(printable(column.title)),
            justify="right" if column.is_number else "left",
            width=column_width,
            no_wrap=not column.is_prose,
        )
    for row in rows:
        table.add_row(*row)
    return table


def _column_widths(grid: Grid, rows: list[list[Text]], width: int) -> list[int]:
    """Widths that keep every name and number whole, also where that takes more than ``width``.

    Rich would cut them. What is left of ``width`` goes to prose.
    """
    columns = [
        [Text(printable(column.title)), *(row[position] for row in rows)]
        for position, column in enumerate(grid.columns)
    ]
    wanted = [max(cell.cell_len for cell in cells) for cells in columns]
    prose = [position for position, column in enumerate(grid.columns) if column.is_prose]
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


def _cell(cell: Cell) -> Text:
    if isinstance(cell, Bar):
        return Text(cell.text(_BAR_WIDTH), "red" if cell.is_full else "green", no_wrap=True)
    return Text(printable(cell))
