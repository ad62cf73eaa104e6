"""Report -> text for a terminal or a pipe."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from shardplan.explain.report import Bar, printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from shardplan.explain.report import Cell, Grid, Report, Section

_BAR_WIDTH = 20
_UNLIMITED = 10_000
"""Columns of a pipe: nothing is wrapped there."""
_MARGIN = 2


def render_terminal(report: Report, *, width: int | None = None, colour: bool = False) -> str:
    """The report as lines of ``width`` columns where that can be without cutting a number.

    Without a width lines are as long as they need be. Bars are legible without colour.
    """
    console = Console(
        file=StringIO(),
        width=width or _UNLIMITED,
        # Without a height rich asks the terminal for both, whatever the width.
        height=_UNLIMITED,
        force_terminal=colour,
        no_color=not colour,
        color_system="standard" if colour else None,
        legacy_windows=False,
        highlight=False,
    )
    with console.capture() as capture:
        console.print(Text(printable(report.title), "bold"))
        for section in report.sections:
            _print_section(console, section)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def _print_section(console: Console, section: Section) -> None:
    heading = Text(f"\n{printable(section.title)}", "bold cyan")
    if section.meaning:
        heading.append(f"  {printable(section.meaning)}", "not bold dim default")
    console.print(heading)
    if section.grid:
        _print_indented(console, _table(section.grid))
    for remark in section.remarks:
        _print_indented(console, Text(printable(remark)))


def _print_indented(console: Console, content: RenderableType) -> None:
    """Print with a margin; a table that cannot be made narrow enough runs over the edge."""
    indented = Padding(content, (0, 0, 0, _MARGIN))
    unlimited = console.options.update(width=_UNLIMITED)
    least = Measurement.get(console, unlimited, content).minimum + _MARGIN
    console.print(indented, width=max(console.width, least), crop=False)


def _table(grid: Grid) -> Table:
    table = Table(
        box=None,
        padding=(0, 2, 0, 0),
        pad_edge=False,
        show_header=any(column.title for column in grid.columns),
        header_style="dim",
    )
    for column in grid.columns:
        table.add_column(
            Text(printable(column.title)),
            justify="right" if column.is_number else "left",
            no_wrap=not column.is_prose,
            overflow="fold",
        )
    for row in grid.rows:
        table.add_row(*(_cell(cell) for cell in row))
    return table


def _cell(cell: Cell) -> Text:
    if isinstance(cell, Bar):
        return Text(cell.text(_BAR_WIDTH), "red" if cell.is_full else "green", no_wrap=True)
    return Text(printable(cell))
