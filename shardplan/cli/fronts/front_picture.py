"""Front -> SVG: time against cost, each point with what it may still gain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cli.fronts.front_space import FrontSpace
from shardplan.cli.fronts.front_words import (
    binds_words,
    cost_noun,
    duration,
    figures_words,
    gap_words,
    memory_words,
    number,
    phases_words,
    rate,
    time_noun,
)
from shardplan.cli.fronts.picture_size import COLOURS
from shardplan.explain.render.html.log_plot import LogPlot
from shardplan.explain.render.html.svg import circle, line, picture, rectangles, text_of
from shardplan.explain.render.log_axis import LogAxis
from shardplan.explain.words import words
from shardplan.units import format_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.cli.fronts.picture_size import PictureSize
    from shardplan.size.answer.front import Front
    from shardplan.size.answer.point import Point

FRONT_MEANING = (
    "further left is cheaper, further down is faster; the pale box reaches to where the bounds "
    "are: no plan of that candidate lies outside of it on the lower left; rings are what is "
    "dominated or open, at its bounds; a point that is pointed at tells what binds it"
)
_RING = 3.0
_MOST_PHASES = 3
"""In the note of a point."""
_MOST_NAMED = 24
"""Points whose number of nodes is written beside them."""


def front_picture(front: Front, size: PictureSize) -> str:
    """The front; empty where there is no point on it."""
    if not front.points:
        return ""
    space = FrontSpace.of(front)
    plot = _plot(front, space, size)
    colours = machine_colours(front)
    places = [plot.at(*space.place(point)) for point in front.points]
    parts = [
        *plot.axes(space.cost_noun, space.time_noun, number, number),
        rectangles(
            (plot.box(space.least_place(p), space.place(p)) for p in front.points), "unsure"
        ),
        *(circle(*plot.at(*place), _RING, "ring") for place in _bounds(space)),
        line(_stairs(places), "stair"),
        *(
            plot.telling(place, f"f{colours[point.design.machine]}", name, point_note(front, point))
            for place, point, name in zip(places, front.points, _names(front), strict=True)
        ),
    ]
    spoken = f"time against cost of {words.plural(len(front.points), 'candidate')} on the front"
    return picture(size.height, parts, spoken, size.width, size.style)


def machine_key(front: Front) -> str:
    """Which colour is which machine."""
    named = "".join(
        f'<span><b class="b{colour}"></b>{text_of(machine)}</span>'
        for machine, colour in machine_colours(front).items()
    )
    return f'<div class="key">{named}</div>\n'


def machine_colours(front: Front) -> dict[str, int]:
    """Of the machines on the front, in the order of their names."""
    machines = sorted({point.design.machine for point in front.points})
    return {machine: number % COLOURS for number, machine in enumerate(machines)}


def point_note(front: Front, point: Point) -> list[str]:
    """Lines that tell what a point is, and what binds it."""
    step = format_seconds(point.step_seconds)
    bound = format_seconds(point.step_bound_seconds)
    lines = [
        point.design.words,
        f"step {step}, at least {bound} (gap {gap_words(point)})",
        f"{rate(point.samples_per_second)} samples/s",
        f"{number(point.cost)} {cost_noun(front)}",
        f"{duration(point.time_seconds)}: {time_noun(front)}",
        f"binds: {binds_words(point)}",
        f"phases: {phases_words(point, _MOST_PHASES)}",
        f"memory: {memory_words(point)}",
        f"rests on {figures_words(point)}",
    ]
    return [*lines, f"plan: {point.plan_file}"] if point.plan_file else lines


def _plot(front: Front, space: FrontSpace, size: PictureSize) -> LogPlot:
    places = [
        *map(space.place, front.points),
        *map(space.least_place, front.points),
        *_bounds(space),
    ]
    x, y = (LogAxis.of(place[axis] for place in places) for axis in (0, 1))
    return LogPlot(size.width, size.height, x, y)


def _bounds(space: FrontSpace) -> Iterator[tuple[float, float]]:
    """Where what lies behind the front is at best."""
    yield from map(space.least_place, space.dominated)
    yield from map(space.least_place, space.open)


def _names(front: Front) -> Iterator[str]:
    """The nodes of each, where there is room for them."""
    is_named = len(front.points) <= _MOST_NAMED
    for point in front.points:
        yield words.plural(point.design.nodes, "node") if is_named else ""


def _stairs(places: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """From each point across to below or above the next: what is behind them is dominated."""
    last: tuple[float, float] | None = None
    for x, y in sorted(places):
        if last is not None:
            yield x, last[1]
        last = x, y
        yield last
