"""The growth of time and memory as an SVG that light and dark pages both show well."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from scale import Point

_WIDTH, _HEIGHT = 330, 200
_LEFT, _TOP, _BETWEEN = 56, 44, 80
_INK = "#7d8794"
"""Grey that reads on white and on black; the page's own background shows through."""
_COLOURS = {"balance": "#3b8eea", "step_time": "#e08a2e"}


@dataclass(frozen=True, slots=True)
class _Axis:
    """A logarithmic axis over whole powers of ten, drawn over ``length`` pixels."""

    low: int
    high: int
    length: float

    @classmethod
    def over(cls, values: Sequence[float], length: float) -> _Axis:
        low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        return cls(low, max(high, low + 1), length)

    def at(self, value: float) -> float:
        return (math.log10(value) - self.low) / (self.high - self.low) * self.length

    @property
    def ticks(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]


def growth_plot(points: Sequence[Point]) -> str:
    """One row of panels for each series: CPU seconds and peak MiB over the number of tables.

    A hollow point is one where the time limit came before the gap.
    """
    series = list(dict.fromkeys(point.series for point in points))
    width = 2 * (_WIDTH + _BETWEEN)
    height = len(series) * (_HEIGHT + _BETWEEN) + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="12" fill="{_INK}">',
        "<title>CPU time and peak memory against tables</title>",
    ]
    for row, name in enumerate(series):
        of = [point for point in points if point.series == name]
        top = _TOP + row * (_HEIGHT + _BETWEEN)
        parts += _panel(of, _LEFT, top, f"{name}: CPU s", lambda point: point.cpu_seconds)
        left = _LEFT + _WIDTH + _BETWEEN
        parts += _panel(of, left, top, f"{name}: peak MiB", lambda point: point.peak_bytes / 2**20)
    parts += _legend(points, height - 10)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(
    points: Sequence[Point], left: float, top: float, title: str, value: Callable[[Point], float]
) -> Iterator[str]:
    x = _Axis.over([point.tables for point in points], _WIDTH)
    y = _Axis.over([value(point) for point in points], _HEIGHT)
    yield f'<g transform="translate({left},{top})">'
    yield f'<text y="-12" font-weight="bold">{title}</text>'
    for tick in y.ticks:
        at = _HEIGHT - y.at(tick)
        yield f'<path d="M0 {at:.1f}H{_WIDTH}" stroke="{_INK}" stroke-opacity=".35"/>'
        yield f'<text x="-6" y="{at + 4:.1f}" text-anchor="end">{tick:g}</text>'
    for tick in x.ticks:
        yield (
            f'<text x="{x.at(tick):.1f}" y="{_HEIGHT + 16}" text-anchor="middle">{tick:,.0f}</text>'
        )
    yield f'<text x="{_WIDTH / 2}" y="{_HEIGHT + 32}" text-anchor="middle">tables</text>'
    for ruler, colour in _COLOURS.items():
        of = [point for point in points if point.ruler == ruler]
        spots = [(f"{x.at(p.tables):.1f}", f"{_HEIGHT - y.at(value(p)):.1f}") for p in of]
        line = " ".join(f"{a},{b}" for a, b in spots)
        yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for point, (a, b) in zip(of, spots, strict=True):
            inside = colour if point.gap <= point.gap_asked else "none"
            yield f'<circle cx="{a}" cy="{b}" r="4" fill="{inside}" stroke="{colour}"/>'
    yield "</g>"


def _legend(points: Sequence[Point], y: float) -> Iterator[str]:
    gaps = {point.ruler: point.gap_asked for point in points}
    left = float(_LEFT)
    for ruler, colour in _COLOURS.items():
        if ruler in gaps:
            yield f'<circle cx="{left}" cy="{y - 4}" r="4" fill="{colour}"/>'
            yield f'<text x="{left + 10}" y="{y}">{ruler}, to a gap of {gaps[ruler]:.1%}</text>'
            left += 220
