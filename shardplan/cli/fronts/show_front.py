"""Front -> what a command writes, in the format that was asked for."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from shardplan.cli.show import show_report

if TYPE_CHECKING:
    from shardplan.size.answer.front import Front

FRONT_FORMATS = ("table", "json", "markdown", "html", "svg")


def show_front(front: Front, form: str, width: int | None = None, *, explain: bool = False) -> str:
    """The front in one of ``FRONT_FORMATS``.

    A table has the plot below it; with ``explain``, table and Markdown also tell who dominates
    whom by how much. JSON and HTML have all of it anyway, SVG the picture of the front alone.
    """
    if form == "json":
        from shardplan.size.answer.front_file import front_text

        return front_text(front)
    if form in ("html", "svg"):
        from shardplan.cli.fronts.front_page import front_page, front_svg

        return front_page(front) if form == "html" else front_svg(front)
    from shardplan.cli.fronts.front_report import front_report

    shown = show_report(front_report(front, explain=explain), form, width)
    if form == "markdown":
        return shown
    from shardplan.cli.fronts.front_plot import front_plot

    plot = front_plot(front, width or _terminal_width())
    return f"{shown}\n{plot}" if plot else shown


def _terminal_width() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
