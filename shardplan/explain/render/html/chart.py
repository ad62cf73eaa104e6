"""A frame for bars and lines: an axis of amounts on the left, places along the bottom."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.explain.render.html.svg import BELOW_MIDDLE, WIDTH, label, line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LEFT, TOP, BOTTOM = 74.0, 10.0, 30.0
BESIDE = 6.0
"""Between an axis and the labels beside it."""
PLACE_DROP, NOUN_DROP = 14.0, 27.0
"""How far below the floor numbers stand, and the noun that they count."""
HEADROOM = 1.05
"""The height of a picture over the most that it shows."""
_FEWEST_TICKS = 4
_MOST_PLACES = 16
_NEARLY = 0.999
"""Of the least step; what rounding took from a step does not make it too small."""
_WIDEST_GAP, _GAP_SHARE = 2.0, 0.15
"""Between columns: in the picture's units, and of a column."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where amounts from 0 to ``most`` lie."""

    most: float
    height: float = 220.0
    unit: float = 1.0
    """What ticks are round numbers of."""

    @property
    def floor(self) -> float:
        """The y of nothing."""
        return self.height - BOTTOM

    def y(self, amount: float) -> float:
        """The y of an amount."""
        return self.floor - (amount / self.most if self.most else 0.0) * (self.floor - TOP)

    def columns(self, count: int) -> Iterator[tuple[float, float]]:
        """Left edge and width of each of ``count`` columns side by side."""
        each = (WIDTH - LEFT) / max(count, 1)
        gap = min(_WIDEST_GAP, each * _GAP_SHARE)
        for number in range(count):
            yield LEFT + number * each, each - gap

    def amounts(self, words: Callable[[float], str]) -> Iterator[str]:
        """Ticks and lines of the left axis."""
        step = self.unit * round_step(self.most / self.unit / _FEWEST_TICKS)
        for number in range(int(self.most / step + 1e-9) + 1 if step else 1):
            y = self.y(number * step)
            yield line(((LEFT, y), (WIDTH, y)), "axis")
            yield label(
                LEFT - BESIDE, y + BELOW_MIDDLE, words(number * step) if number else "0", "end"
            )

    def places(self, count: int, noun: str) -> Iterator[str]:
        """Numbers along the bottom, as many as can be read."""
        step = max(1, int(round_step(count / _MOST_PLACES)))
        for number, (left, width) in enumerate(self.columns(count)):
            if number % step == 0:
                yield label(left + width / 2, self.floor + PLACE_DROP, f"{number}", "middle")
        yield label(LEFT, self.floor + NOUN_DROP, noun)


def round_step(least: float) -> float:
    """1, 2 or 5 times a power of ten, at least ``least`` but for rounding down by half."""
    if least <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * _NEARLY)
