"""Predicted beside measured as an SVG that light and dark pages both show well."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from shardplan.units import format_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_SIDE = 420
_LEFT, _TOP, _RIGHT, _BOTTOM = 78, 42, 190, 56
_INK = "#7d8794"
"""Grey that reads on white and on black; the page's own background shows through."""
_COLOURS = ("#3b8eea", "#e08a2e", "#3aa675", "#b05fc8", "#c9544d", "#8a8f3c", "#5a7fa8", "#a8745a")


_LEAST_SECONDS = 1e-12
"""Stands for a prediction of nothing at all, which has no place on a logarithmic axis."""


@dataclass(frozen=True, slots=True)
class _Axis:
    """Seconds on a logarithmic scale of whole powers of ten."""

    low: int
    high: int

    def at(self, seconds: float) -> float:
        """From 0 to the length of a side."""
        return (math.log10(seconds) - self.low) / (self.high - self.low) * _SIDE

    @property
    def ticks(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]


def scatter_plot(title: str, series: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """A square of (measured, predicted) seconds by what was measured; right is on the diagonal.

    The thinner lines beside the diagonal are 20% off. Seconds must be positive; without a point
    there is the frame alone.
    """
    every = [point for points in series.values() for point in points]
    values = [max(value, _LEAST_SECONDS) for point in every for value in point] or [1.0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    axis = _Axis(low, max(high, low + 1))
    width, height = _LEFT + _SIDE + _RIGHT, _TOP + _SIDE + _BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="sans-serif" font-size="12" fill="{_INK}">',
        f"<title>{escape(title)}</title>",
        f'<text x="{_LEFT}" y="24" font-size="14">{escape(title)}</text>',
        *_frame(axis),
        *_points(axis, series),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _frame(axis: _Axis) -> Iterator[str]:
    bottom, right = _TOP + _SIDE, _LEFT + _SIDE
    yield (
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="none" '
        f'stroke="{_INK}"/>'
    )
    for tick in axis.ticks:
        at, label = axis.at(tick), format_seconds(tick)
        yield f'<text x="{_LEFT + at:.1f}" y="{bottom + 18}" text-anchor="middle">{label}</text>'
        yield f'<text x="{_LEFT - 8}" y="{bottom - at + 4:.1f}" text-anchor="end">{label}</text>'
    yield f'<text x="{_LEFT + _SIDE / 2}" y="{bottom + 42}" text-anchor="middle">measured</text>'
    middle = _TOP + _SIDE / 2
    yield (
        f'<text x="14" y="{middle}" text-anchor="middle" '
        f'transform="rotate(-90 14 {middle})">predicted</text>'
    )
    shift = math.log10(1.2) / (axis.high - axis.low) * _SIDE
    yield _line(_LEFT, bottom, right, _TOP, 1.0)
    yield _line(_LEFT, bottom - shift, right - shift, _TOP, 0.35)
    yield _line(_LEFT + shift, bottom, right, _TOP + shift, 0.35)


def _line(x1: float, y1: float, x2: float, y2: float, opacity: float) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{_INK}" '
        f'stroke-opacity="{opacity}"/>'
    )


def _points(axis: _Axis, series: Mapping[str, Sequence[tuple[float, float]]]) -> Iterator[str]:
    for row, (name, points) in enumerate(series.items()):
        colour = _COLOURS[row % len(_COLOURS)]
        left, top = _LEFT + _SIDE + 20, _TOP + 12 + 20 * row
        yield f'<circle cx="{left}" cy="{top - 4}" r="4" fill="{colour}"/>'
        yield f'<text x="{left + 10}" y="{top}">{escape(name)}</text>'
        yield f'<g fill="{colour}" fill-opacity="0.5">'
        for measured, predicted in points:
            x = _LEFT + axis.at(measured)
            y = _TOP + _SIDE - axis.at(max(predicted, _LEAST_SECONDS))
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>'
        yield "</g>"
