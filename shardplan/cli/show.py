"""Rendering in the format that was asked for."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import click

from shardplan.cli.output import tell
from shardplan.printable import printable_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TextIO

    from shardplan.explain.render.as_json import Numbers
    from shardplan.explain.report.report import Report

FORMATS = ("table", "json", "markdown", "html")

width_option = click.option(
    "--width",
    metavar="COLUMNS",
    type=click.IntRange(min=20),
    help="Width of tables; by default the terminal's, in a pipe as wide as needed.",
)
"""Of every command that shows a report."""


def show(
    numbers: Numbers,
    report: Callable[[], Report],
    form: str,
    width: int | None,
) -> str:
    """The numbers as JSON, or their report as a table, as Markdown or as HTML."""
    if form == "json":
        from shardplan.explain.render.as_json import render_json

        return render_json(numbers)
    return show_report(report(), form, width)


def show_report(report: Report, form: str, width: int | None = None) -> str:
    """The report as a table, as Markdown or as HTML."""
    if form == "markdown":
        from shardplan.explain.render.markdown import render_markdown

        return render_markdown(report)
    if form == "html":
        from shardplan.explain.render.html.page import render_html

        return render_html(report)
    return show_table(report, width)


def show_table(report: Report, width: int | None = None) -> str:
    """The report for stdout: as wide as the terminal, in a pipe as wide as need be."""
    from shardplan.explain.render.terminal import render_terminal

    return render_terminal(report, width=width or _columns_of(sys.stdout), colour=wants_colour())


def show_lines(lines: Iterable[str], width: int | None = None) -> str:
    """Lines for stdout, broken where they are longer than the terminal is wide."""
    return _broken(lines, width or _columns_of(sys.stdout))


def say_lines(lines: Iterable[str]) -> None:
    """Write lines to stderr, broken in the same way."""
    tell(_broken(lines, _columns_of(sys.stderr)).removesuffix("\n"))


def _broken(lines: Iterable[str], width: int | None) -> str:
    from shardplan.explain.render.line_breaks import hanging

    whole = map(printable_line, lines)  # What is spelled out takes more columns.
    broken = whole if width is None else (part for line in whole for part in hanging(line, width))
    return "".join(f"{line}\n" for line in broken)


def _columns_of(stream: TextIO) -> int | None:
    """How wide a terminal is; None where it is none."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


def wants_colour() -> bool:
    """Whether stdout shall be coloured: a terminal, unless NO_COLOR or TERM=dumb; or FORCE_COLOR.

    An empty variable counts as unset (no-color.org, force-color.org).
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
