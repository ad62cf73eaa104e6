"""Points on two logarithmic axes, in characters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len

from shardplan.explain.render.log_axis import LogAxis

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SHARE_OF_WIDTH = 0.22
"""Of the width, by the height: characters are twice as high as wide."""
_LEAST_HEIGHT, _MOST_HEIGHT = 8, 22
_WIDEST = 160
_BESIDE = 12
"""Columns that the words of a tick may take, a gap included."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One character at a point; of marks at the same place the last is seen."""

    x: float
    y: float
    character: str


@dataclass(frozen=True, slots=True)
class TextAxis:
    """What an axis is of."""

    noun: str
    words: Callable[[float], str]
    """Of the number at a tick."""


def text_plot(marks: Sequence[Mark], x: TextAxis, y: TextAxis, width: int) -> list[str]:
    """Lines of at most ``width`` columns: the axis of y on the left, that of x below."""
    height = min(max(_LEAST_HEIGHT, round(width * _SHARE_OF_WIDTH)), _MOST_HEIGHT)
    across, up = LogAxis.of(mark.x for mark in marks), LogAxis.of(mark.y for mark in marks)
    lines_of_ticks = {
        _row(up, tick, height): y.words(tick) for tick in up.ticks(max(2, height // 3))
    }
    left = max(map(cell_len, lines_of_ticks.values()), default=0)
    columns = max(8, min(width, _WIDEST) - left - 2)
    rows = [[" "] * columns for _ in range(height)]
    for mark in marks:
        rows[_row(up, mark.y, height)][_column(across, mark.x, columns)] = mark.character
    drawn = []
    for number, row in enumerate(rows):
        words = lines_of_ticks.get(number, "")
        edge = "┤" if words else "│"
        drawn.append(f"{' ' * (left - cell_len(words))}{words} {edge}{''.join(row)}".rstrip())
    ticks = {_column(across, tick, columns): x.words(tick) for tick in _across(across, columns)}
    floor = "".join("┬" if number in ticks else "─" for number in range(columns))
    margin = " " * (left + 2)
    nouns = f"{x.noun} →".rjust(columns)
    below = f"{' ' * (left + 1)}└{floor}"
    return [f"{y.noun} ↑", *drawn, below, margin + _labels(ticks, columns), margin + nouns]


def _across(axis: LogAxis, columns: int) -> list[float]:
    return axis.ticks(max(2, columns // _BESIDE))


def _row(axis: LogAxis, value: float, height: int) -> int:
    return round((1 - axis.share(value)) * (height - 1))


def _column(axis: LogAxis, value: float, columns: int) -> int:
    return round(axis.share(value) * (columns - 1))


def _labels(ticks: dict[int, str], columns: int) -> str:
    """Words below their ticks, those left out that would touch the ones before."""
    line = ""
    for column, words in ticks.items():
        start = min(max(0, column - len(words) // 2), columns - len(words))
        if not line or start > len(line):
            line = line.ljust(start) + words
    return line
