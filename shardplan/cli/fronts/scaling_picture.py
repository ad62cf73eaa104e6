"""Scaling curves -> SVG: throughput by nodes, each point in the colour of what binds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cli.fronts.front_words import rate
from shardplan.cli.fronts.picture_size import COLOURS
from shardplan.cli.fronts.scaling_report import curve_words
from shardplan.explain.render.html.log_plot import LogPlot
from shardplan.explain.render.html.svg import BELOW_MIDDLE, label, line, picture, text_of
from shardplan.explain.render.log_axis import LogAxis
from shardplan.explain.words import words
from shardplan.units import format_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.cli.fronts.picture_size import PictureSize
    from shardplan.size.answer.scaling import Scaling, ScalingCurve, ScalingStep

_NAME, _BESIDE = 13.0, 9.0
"""From name to name, and from a name to its point."""
MOST_CURVES = 8
"""Of a picture: those with the most points."""


def shown_curves(curves: Sequence[ScalingCurve], kind: Scaling) -> list[ScalingCurve]:
    """Those of a kind that a picture shows, in their order."""
    mine = [curve for curve in curves if curve.kind is kind]
    longest = sorted(mine, key=lambda curve: -len(curve.steps))[:MOST_CURVES]
    return [curve for curve in mine if curve in longest]


def scaling_picture(curves: Sequence[ScalingCurve], size: PictureSize) -> str:
    """Lines through the points of each curve; empty without a curve."""
    steps = [step for curve in curves for step in curve.steps]
    if not steps:
        return ""
    nodes = LogAxis.of(step.design.nodes for step in steps)
    rates = LogAxis.of(step.samples_per_second for step in steps)
    plot = LogPlot(size.width, size.height, nodes, rates)
    colours = phase_colours(curves)
    counts = sorted({step.design.nodes for step in steps})
    parts = [*plot.axes("nodes", "samples/s", lambda nodes: f"{nodes:,.0f}", rate, counts)]
    for curve in curves:
        parts.append(line(_linear(plot, curve), "linear"))
    for curve in curves:
        ends = [plot.at(step.design.nodes, step.samples_per_second) for step in curve.steps]
        parts.append(line(ends, "stair"))
    parts += _names(plot, curves)
    for curve in curves:
        for step in curve.steps:
            place = plot.at(step.design.nodes, step.samples_per_second)
            style = f"f{colours[step.binds.words]}"
            parts.append(plot.telling(place, style, "", _note(curve, step)))
    spoken = f"throughput by nodes of {words.plural(len(curves), 'curve')}"
    return picture(size.height, parts, spoken, size.width, size.style)


def _linear(plot: LogPlot, curve: ScalingCurve) -> Iterator[tuple[float, float]]:
    """From the first point as far as the same throughput per node stays in the picture."""
    first, last = curve.steps[0], curve.steps[-1]
    nodes, rate = first.design.nodes, first.samples_per_second
    factor = min(last.design.nodes / nodes, plot.y_axis.high / rate)
    yield plot.at(nodes, rate)
    yield plot.at(nodes * factor, rate * factor)


def _names(plot: LogPlot, curves: Sequence[ScalingCurve]) -> Iterator[str]:
    """Beside the last point of each curve what it is of, one below the other."""
    ends = [(curve, curve.steps[-1]) for curve in curves]
    places = [(plot.at(end.design.nodes, end.samples_per_second), curve) for curve, end in ends]
    free = 0.0
    for (x, y), curve in sorted(places, key=lambda each: each[0][1]):
        foot = max(y + BELOW_MIDDLE, free)
        free = foot + _NAME
        yield label(x - _BESIDE, foot, curve_words(curve), "end", "name")


def phase_key(curves: Sequence[ScalingCurve]) -> str:
    """Which colour is which bottleneck."""
    named = "".join(
        f'<span><b class="b{colour}"></b>{text_of(phase)}</span>'
        for phase, colour in phase_colours(curves).items()
    )
    return f'<div class="key"><span>bound by:</span>{named}</div>\n'


def phase_colours(curves: Sequence[ScalingCurve]) -> dict[str, int]:
    """Of what binds the points, in the order of the names."""
    phases = sorted({step.binds.words for curve in curves for step in curve.steps})
    return {phase: number % COLOURS for number, phase in enumerate(phases)}


def _note(curve: ScalingCurve, step: ScalingStep) -> list[str]:
    bound = format_seconds(step.step_bound_seconds)
    return [
        step.design.words,
        f"{rate(step.samples_per_second)} samples/s, {words.percent(step.efficiency)} of linear",
        f"step {format_seconds(step.step_seconds)}, at least {bound}",
        f"binds: {step.binds.words}, {words.percent(step.binds.share)} of the step",
        curve_words(curve),
    ]
