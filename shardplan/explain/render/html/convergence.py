"""How the search went: the best objective and the lower bound over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.render.html.chart import HEADROOM, LEFT, NOUN_DROP, PLACE_DROP, Frame
from shardplan.explain.render.html.svg import WIDTH, label, line, picture
from shardplan.explain.words import words
from shardplan.units import format_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.plan.file.provenance import RunInfo

_CEILING = 2.0
"""Objectives above this multiple of the last are drawn at the top: starts can be very bad."""
_RIGHT = 10.0
"""Left free at the right edge."""


def convergence_picture(run: RunInfo) -> str:
    """Two stairs; empty where the plan does not tell how it was found."""
    best = _stairs(run, [(p.elapsed_seconds, p.best_seconds) for p in run.history])
    bound = _stairs(run, [(p.elapsed_seconds, p.bound_seconds) for p in run.history])
    if not best:
        return ""
    frame = Frame(min(_CEILING * best[-1][1], max(value for _, value in best)) * HEADROOM)
    span = max(run.elapsed_seconds, run.history[-1].elapsed_seconds) or 1.0

    def at(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        return [
            (LEFT + seconds / span * (WIDTH - LEFT - _RIGHT), frame.y(min(value, frame.most)))
            for seconds, value in points
        ]

    parts = [
        *frame.amounts(words.seconds),
        line(at(best), "best"),
        line(at(bound), "bound") if bound else "",
        label(LEFT, frame.floor + PLACE_DROP, "0 s"),
        label(WIDTH, frame.floor + PLACE_DROP, format_seconds(span), "end"),
        label(LEFT, frame.floor + NOUN_DROP, "time of the solve"),
    ]
    key = (
        '<div class="key"><span><b class="b1"></b>best plan so far</span>'
        '<span><b class="b0"></b>lower bound</span></div>\n'
    )
    return key + picture(frame.height, parts, "objective and bound over time")


def _stairs(
    run: RunInfo, points: Sequence[tuple[float, float | None]]
) -> list[tuple[float, float]]:
    """Corners of a stair through the points that have a value, to the end of the run."""
    corners: list[tuple[float, float]] = []
    for seconds, value in points:
        if value is None or (corners and corners[-1][1] == value):
            continue
        if corners:
            corners.append((seconds, corners[-1][1]))
        corners.append((seconds, value))
    if corners:
        corners.append((max(run.elapsed_seconds, corners[-1][0]), corners[-1][1]))
    return corners
