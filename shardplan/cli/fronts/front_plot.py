"""Front -> a plot of time against cost in characters."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from shardplan.cli.fronts.front_words import cost_noun, duration, mark_of, number, time_noun
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
    marks = list(_marks(front))
    if len(marks) < _FEWEST:
        return ""
    x, y = TextAxis(cost_noun(front), number), TextAxis(time_noun(front), duration)
    lines = text_plot(marks, x, y, width or _WIDTH)
    seen = {mark.character for mark in marks}
    last = mark_of(len(front.points) - 1)
    named = "A: the front" if last == "A" else f"A to {last}: the front"
    key = [
        named if front.points else "",
        f"{_DOMINATED} dominated, at its bound" if _DOMINATED in seen else "",
        f"{_OPEN} open, at its bound" if _OPEN in seen else "",
    ]
    return "\n".join([*lines, *wrap("; ".join(filter(None, key)), width or _WIDTH)]) + "\n"


def _marks(front: Front) -> Iterator[Mark]:
    """The front last, so that it is seen."""
    for each in front.dominated:
        yield Mark(each.cost_bound, each.time_bound_seconds, _DOMINATED)
    for one in front.open:
        yield Mark(one.cost_bound, one.time_bound_seconds, _OPEN)
    for position, point in reversed(list(enumerate(front.points))):
        yield Mark(point.cost, point.time_seconds, mark_of(position))
