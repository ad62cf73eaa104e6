"""A frame with two logarithmic axes, and points that tell more when they are pointed at."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING

from shardplan.explain.render.html.svg import (
    BELOW_MIDDLE,
    circle,
    label,
    line,
    rectangles,
    text_of,
)
from shardplan.explain.render.log_axis import thinned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shardplan.explain.render.html.svg import Rectangle
    from shardplan.explain.render.log_axis import LogAxis

_LEFT, _TOP, _RIGHT, _BOTTOM = 62.0, 20.0, 14.0, 36.0
_BESIDE = 6.0
_TICK_DROP, _NOUN_DROP = 14.0, 29.0
_X_TICK, _Y_TICK = 80.0, 45.0
"""At least between ticks."""
_LINE, _TEXT = 14.0, 6.1
"""Of a note: from line to line, and what a character takes at most."""
_NOTE_PADDING = 8.0
_RADIUS, _TOUCHED = 5.0, 13.0
"""Of a disc, and of what counts as pointing at it."""


@dataclass(frozen=True, slots=True)
class LogPlot:
    """Where pairs of amounts lie in a picture of ``width`` by ``height``."""

    width: float
    height: float
    x_axis: LogAxis
    y_axis: LogAxis

    @property
    def floor(self) -> float:
        """The y of the lower edge."""
        return self.height - _BOTTOM

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The place of a pair of amounts; of what lies outside, at the edge."""
        across = self.width - _LEFT - _RIGHT
        return (
            _LEFT + self.x_axis.share(x) * across,
            self.floor - self.y_axis.share(y) * (self.floor - _TOP),
        )

    def axes(
        self,
        x_noun: str,
        y_noun: str,
        x_words: Callable[[float], str],
        y_words: Callable[[float], str],
        x_ticks: Sequence[float] = (),
    ) -> Iterator[str]:
        """Lines at round numbers, or at ``x_ticks``, and what they are of."""
        right = self.width - _RIGHT
        for tick in self.y_axis.ticks(max(2, int(self.height / _Y_TICK))):
            _, y = self.at(self.x_axis.low, tick)
            yield line(((_LEFT, y), (right, y)), "axis")
            yield label(_LEFT - _BESIDE, y + BELOW_MIDDLE, y_words(tick), "end")
        most = max(2, int(self.width / _X_TICK))
        for tick in thinned(x_ticks, most) if x_ticks else self.x_axis.ticks(most):
            x, _ = self.at(tick, self.y_axis.low)
            yield line(((x, _TOP), (x, self.floor)), "axis")
            yield label(x, self.floor + _TICK_DROP, x_words(tick), "middle")
        yield label(right, self.floor + _NOUN_DROP, x_noun, "end", "strong")
        yield label(0, _TOP - _BESIDE - 2, y_noun, style="strong")

    def box(self, low: tuple[float, float], high: tuple[float, float]) -> Rectangle:
        """What lies between two pairs of amounts."""
        (left, bottom), (right, top) = self.at(*low), self.at(*high)
        return left, top, right - left, bottom - top

    def telling(
        self, place: tuple[float, float], style: str, name: str, note: Sequence[str]
    ) -> str:
        """A disc beside its name, and a note on the right while it is pointed at: above, or where
        the note would hide the disc, below.

        Without a script: the note is there, and hidden until then. On a screen without a pointer a
        touch does it, and the keyboard's focus.
        """
        x, y = place
        spoken = text_of(". ".join(note))
        is_left = x + len(name) * _TEXT + 2 * _RADIUS < self.width
        beside = x + _RADIUS + 3 if is_left else x - _RADIUS - 3
        named = label(beside, y - _RADIUS, name, "start" if is_left else "end", "name")
        touched = circle(x, y, _TOUCHED, "touched")
        disc = circle(x, y, _RADIUS, style)
        return (
            f'<g class="telling" tabindex="0" role="img" aria-label="{spoken}">{touched}{disc}'
            f"{named if name else ''}{self._note(note, place)}</g>"
        )

    def _note(self, said: Sequence[str], place: tuple[float, float]) -> str:
        most = int((self.width - 2 - 2 * _NOTE_PADDING) / _TEXT)
        lines = [part for each in said for part in wrap(each, most, subsequent_indent="  ")]
        wide = max(map(len, lines), default=0) * _TEXT + 2 * _NOTE_PADDING
        left, top = self.width - wide - 1, 1.0
        high = len(lines) * _LINE + 2 * _NOTE_PADDING
        if place[0] > left - _TOUCHED and place[1] < high + _TOUCHED:
            top = self.height - high - 1
        paper = rectangles([(left, top, wide, high)], "paper")
        written = "".join(
            label(left + _NOTE_PADDING, top + _NOTE_PADDING + _LINE * (row + 0.75), text,
                  style="strong" if row == 0 else "")
            for row, text in enumerate(lines)
        )  # fmt: skip
        return f'<g class="note">{paper}{written}</g>'
