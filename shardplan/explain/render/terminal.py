"""Report -> text for a terminal or a pipe."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console
from rich.constrain import Constrain
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from shardplan.explain.render.fitting import GAP, fitted
from shardplan.explain.render.line_breaks import KEPT_SPACE
from shardplan.explain.report.report import Bar, with_units
from shardplan.printable import printable_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import JustifyMethod, RenderableType

    from shardplan.explain.render.fitting import Fitted
    from shardplan.explain.report.report import Cell, Grid, Report

_UNLIMITED = 10_000
"""Columns of a pipe: nothing is wrapped there."""
_MARGIN = 2


def render_terminal(report: Report, *, width: int | None = None, colour: bool = False) -> str:
    """The report as lines of ``width`` columns where that can be without cutting a number.

    From 80 columns on it can; what is then shortened or left out, ``fitting`` says. Without a
    width lines are as long as they need be. Bars are legible without colour.
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
    lines = capture.get().replace(KEPT_SPACE, " ").splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _parts(report: Report, width: int) -> Iterator[RenderableType]:
    yield Constrain(Text(printable_line(report.title), "bold"), width)
    for section in report.sections:
        heading = Text(f"\n{printable_line(section.title)}", "bold cyan")
        if section.meaning:
            heading.append(f"  {printable_line(section.meaning)}", "not bold dim default")
        yield Constrain(heading, width)
        if section.grid:
            fit = fitted(section.grid, width - _MARGIN)
            yield Padding(_table(fit, section.grid), (0, 0, 0, _MARGIN))
            if fit.left_out:
                words = _text(f"too narrow for: {', '.join(fit.left_out)}", "dim")
                yield Constrain(Padding(words, (0, 0, 0, _MARGIN)), width)
        for remark in section.remarks:
            indented = Padding(_text(remark), (0, 0, 0, _MARGIN))
            yield Constrain(indented, width)
    if report.closing:
        yield Constrain(Text.assemble("\n", _text(report.closing, "bold")), width)


def _table(fit: Fitted, grid: Grid) -> Table:
    columns = [grid.columns[position] for position in fit.positions]
    table = Table(
        box=None,
        padding=(0, GAP, 0, 0),
        pad_edge=False,
        show_header=any(column.title for column in columns),
        header_style="dim",
    )
    for column, title, width in zip(columns, fit.titles, fit.widths, strict=True):
        justify: JustifyMethod = "right" if column.is_number else "left"
        table.add_column(Text(title), justify=justify, width=width, no_wrap=True)
    for row, texts in zip(grid.rows, fit.rows, strict=True):
        cells = zip((row[position] for position in fit.positions), texts, strict=True)
        table.add_row(*(Text(text, _style(cell)) for cell, text in cells))
    return table


def _style(cell: Cell) -> str:
    if isinstance(cell, Bar):
        return "red" if cell.is_full else "green"
    return ""


def _text(plain: str, style: str = "") -> Text:
    """Printable text whose numbers keep their units."""
    return Text(with_units(printable_line(plain), KEPT_SPACE), style)
