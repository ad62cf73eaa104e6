"""How the search went: the best objective and the lower bound over time."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from shardplan.explain.render.html.chart import LEFT, NOUN_DROP, PLACE_DROP, Frame
from shardplan.explain.render.html.svg import WIDTH, label, line, picture
from shardplan.units import format_seconds, parse_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.plan.file.provenance import RunInfo

_SHOWN = 0.1
"""Of the range through which the objective fell: starts can be very bad, and what matters is how
the last of it went."""
_LEAST_SHOWN = 1e-3
"""Of the objective, where it fell through nothing."""
_PADDING = 0.08
"""Of the height, below the bound."""
_RIGHT = 10.0
"""Left free at the right edge."""


def convergence_picture(run: RunInfo) -> str:
    """Two stairs; empty where the plan does not tell how it was found."""
    best = _stairs(run, [(p.elapsed_seconds, p.best_seconds) for p in run.history])
    bound = _stairs(run, [(p.elapsed_seconds, p.bound_seconds) for p in run.history])
    if not best:
        return ""
    frame = _frame([value for _, value in best], [value for _, value in bound])
    span = max(run.elapsed_seconds, run.history[-1].elapsed_seconds) or 1.0

    def at(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        return [
            (
                LEFT + seconds / span * (WIDTH - LEFT - _RIGHT),
                frame.y(min(max(value, frame.least), frame.most)),
            )
            for seconds, value in points
        ]

    parts = [
        *frame.amounts(partial(_tick, step=frame.step)),
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


def _frame(best: Sequence[float], bound: Sequence[float]) -> Frame:
    """From the last bound to the last tenth of the range through which the objective fell.

    What lies outside is drawn at the edge.
    """
    last = best[-1]
    most = last + max(_SHOWN * (max(best) - last), _LEAST_SHOWN * last)
    least = min(bound[-1], last) if bound else last
    most, least = most + _PADDING * (most - least), least - _PADDING * (most - least)
    return Frame(most, least=max(0.0, least))


def _tick(seconds: float, step: float) -> str:
    """Seconds in the unit of ``format_seconds``, with as many digits as steps differ in."""
    unit = format_seconds(seconds).split(" ")[1]
    scale = parse_seconds(f"1{unit}")
    digits = max(0, math.ceil(-math.log10(step / scale) - 1e-9))
    return f"{seconds / scale:.{digits}f} {unit}"


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
