"""Front -> a plot of time against cost in characters."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from shardplan.cli.fronts.front_space import FrontSpace
from shardplan.cli.fronts.front_words import mark_of, number
from shardplan.explain.render.text_plot import Mark, TextAxis, text_plot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.size.answer.front import Front

_DOMINATED, _OPEN = "·", "o"
_WIDTH = 100
"""Of a pipe."""
_FEWEST = 2
"""Points of a plot."""


def front_plot(front: Front, width: int | None = None) -> str:
    """Lines of at most ``width`` columns; empty where there are not two points to show."""
    space = FrontSpace.of(front)
    marks = list(_marks(front, space))
    if len(marks) < _FEWEST:
        return ""
    x, y = TextAxis(space.cost_noun, number), TextAxis(space.time_noun, number)
    lines = text_plot(marks, x, y, width or _WIDTH)
    last = mark_of(len(front.points) - 1)
    key = [
        f"{'A' if last == 'A' else f'A to {last}'}: the front" if front.points else "",
        f"{_DOMINATED} dominated, at its bound" if space.dominated else "",
        f"{_OPEN} open, at its bound" if space.open else "",
        f"{space.further:,} far behind" if space.further else "",
    ]
    return "\n".join([*lines, *wrap("; ".join(filter(None, key)), width or _WIDTH)]) + "\n"


def _marks(front: Front, space: FrontSpace) -> Iterator[Mark]:
    """The front last, so that it is seen."""
    yield from (Mark(*space.least_place(each), _DOMINATED) for each in space.dominated)
    yield from (Mark(*space.least_place(each), _OPEN) for each in space.open)
    for position, point in reversed(list(enumerate(front.points))):
        yield Mark(*space.place(point), mark_of(position))
