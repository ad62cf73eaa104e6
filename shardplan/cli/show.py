"""Rendering in the format that was asked for."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.explain.render.as_json import Numbers
    from shardplan.explain.report.report import Report

FORMATS = ("table", "json", "markdown", "html")


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

    if width is None and sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
    return render_terminal(report, width=width, colour=wants_colour())


def wants_colour() -> bool:
    """Whether stdout shall be coloured: a terminal, unless NO_COLOR or TERM=dumb; or FORCE_COLOR.

    An empty variable counts as unset (no-color.org, force-color.org).
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
