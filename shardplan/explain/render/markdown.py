"""Report -> GitHub-flavoured Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shardplan.explain.report.report import Bar
from shardplan.printable import printable_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.explain.report.report import Cell, Grid, Report

_BAR_WIDTH = 10
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~&$#])")
"""What begins markup, a reference to a character such as ``&#x202e;``, or a formula."""
_BEGINS_BLOCK = re.compile(r"^(\d*)([-+=](?=[-=\s]|$)|(?<=\d)[.)](?=\s|$))")
"""What makes a line an item of a list, or underlines the one before."""


def render_markdown(report: Report) -> str:
    """The report with one heading per section and grids as tables."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"# {_escape(report.title)}"
    for section in report.sections:
        yield from ("", f"## {_escape(section.title)}")
        if section.meaning:
            yield from ("", _line(section.meaning))
        if section.grid:
            yield ""
            yield from _grid(section.grid)
        if section.remarks:
            yield ""
            yield from (f"- {_line(remark)}" for remark in section.remarks)
    if report.closing:
        yield from ("", f"**{_escape(report.closing)}**")


def _grid(grid: Grid) -> Iterator[str]:
    yield _row(column.title for column in grid.columns)
    yield "|" + "|".join(" ---: " if column.is_number else " --- " for column in grid.columns) + "|"
    for row in grid.rows:
        yield _row(row)


def _row(cells: Iterator[str] | tuple[Cell, ...]) -> str:
    texts = (cell.text(_BAR_WIDTH) if isinstance(cell, Bar) else _escape(cell) for cell in cells)
    return "| " + " | ".join(texts) + " |"


def _line(text: str) -> str:
    """The same of text that begins a line, or an item of a list."""
    return _BEGINS_BLOCK.sub(r"\1\\\2", _escape(text), count=1)


def _escape(text: str) -> str:
    """Text that Markdown shows unchanged; underscores inside words need no help."""
    escaped = _SPECIAL.sub(r"\\\1", printable_line(text))
    return re.sub(r"(?<=\w)\\_(?=\w)", "_", escaped)
