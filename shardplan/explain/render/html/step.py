"""A step as a timeline: a row for each phase, from where the one before it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.render.html.chart import BESIDE, PLACE_DROP, round_step
from shardplan.explain.render.html.svg import (
    BELOW_MIDDLE,
    WIDTH,
    label,
    line,
    picture,
    rectangles,
)
from shardplan.explain.words import words
from shardplan.units import format_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.explain.numbers.timeline import Span

STEP_MEANING = (
    "each phase begins when the one before it ends, with its slowest device, which is named; the "
    "pale part is what the mean device waits for that one; hidden phases are below the line"
)
_LEFT, _TOP, _BOTTOM = 130.0, 6.0, 24.0
_ROW, _BAR = 20.0, 13.0
_BETWEEN_LANES = 10.0
_MOST_TICKS = 6
_TEXT_WIDTH = 170.0
"""Room for what stands beside a bar."""


def step_picture(spans: Sequence[Span], longest_seconds: float = 0.0) -> str:
    """The phases in order; the hidden ones share a lane below them.

    The scale ends with the step, or where another is to be compared, with ``longest_seconds``.
    """
    waited = [span for span in spans if not span.is_hidden]
    hidden = [span for span in spans if span.is_hidden]
    most = max([longest_seconds, *(span.end_seconds for span in spans)])
    if not most:
        return ""
    scale = (WIDTH - _LEFT) / most
    lane = _TOP + _ROW * len(waited) + _BETWEEN_LANES
    floor = lane + (_ROW * 2 if hidden else 0)
    parts = [*_ticks(most, scale, floor)]
    for row, span in enumerate(waited):
        parts += _row(span, _TOP + row * _ROW, scale)
    if hidden:
        parts += [line(((0, lane - 5), (WIDTH, lane - 5)), "lane"), *_lane(hidden, lane, scale)]
    return picture(floor + _BOTTOM, parts, "the phases of the step over time")


def _row(span: Span, top: float, scale: float) -> Iterator[str]:
    """The name on the left, the bar, and its seconds where there is room."""
    middle = top + _BAR / 2 + BELOW_MIDDLE
    begin, end = (_LEFT + at * scale for at in (span.begin_seconds, span.end_seconds))
    yield from _bar(span, top, scale)
    yield label(_LEFT - BESIDE, middle, span.name, "end", "strong")
    if end + BESIDE + _TEXT_WIDTH <= WIDTH:
        yield label(end + BESIDE, middle, _words(span))
    elif begin - BESIDE - _TEXT_WIDTH >= _LEFT:
        yield label(begin - BESIDE, middle, _words(span), "end")
    else:
        yield label((begin + end) / 2, middle, _words(span), "middle", "on")


def _lane(hidden: Sequence[Span], top: float, scale: float) -> Iterator[str]:
    """All in one lane, with their words below it."""
    middle = top + _BAR / 2 + BELOW_MIDDLE
    yield label(_LEFT - BESIDE, middle, "hidden", "end", "strong")
    for span in hidden:
        yield from _bar(span, top, scale)
    listed = ", then ".join(f"{span.name} {_words(span)}" for span in hidden)
    yield label(_LEFT, middle + _ROW - 3, listed)


def _bar(span: Span, top: float, scale: float) -> Iterator[str]:
    """Dark as long as the mean device works, pale while it waits."""
    left = _LEFT + span.begin_seconds * scale
    mean, rest = span.mean_seconds * scale, (span.seconds - span.mean_seconds) * scale
    style = "hidden" if span.is_hidden else "work"
    yield rectangles([(left, top, mean, _BAR)], style)
    yield rectangles([(left + mean, top, rest, _BAR)], f"{style} wait")


def _words(span: Span) -> str:
    return f"{words.seconds(span.seconds)} ({words.rank(span.rank)})"


def _ticks(most: float, scale: float, floor: float) -> Iterator[str]:
    step = round_step(most / _MOST_TICKS)
    for number in range(int(most / step + 1e-9) + 1):
        x = _LEFT + number * step * scale
        yield line(((x, _TOP - 2), (x, floor)), "axis")
        anchor = "end" if x > WIDTH - 20 else "middle"
        yield label(x, floor + PLACE_DROP, format_seconds(number * step), anchor)
