"""A logarithmic axis, for pictures of lines and of characters alike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_LEAST_FACTOR = 1.25
"""Between both ends: of less, no picture would be worth its ink."""
_LEADING = ((1,), (1, 2, 5))
"""Of numbers at ticks, the first digits, from few ticks to many."""
_FEWEST_TICKS = 3


@dataclass(frozen=True, slots=True)
class LogAxis:
    """From ``low`` to ``high``, both more than 0."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float], padding: float = 0.06) -> Self:
        """An axis with all positive values inside, and room of ``padding`` of it at both ends."""
        known = [value for value in values if value > 0 and math.isfinite(value)] or [1.0]
        low, high = math.log(min(known)), math.log(max(known))
        missing = max(0.0, math.log(_LEAST_FACTOR) - (high - low)) / 2
        room = padding * (high - low + 2 * missing) + missing
        return cls(math.exp(low - room), math.exp(high + room))

    def share(self, value: float) -> float:
        """From 0 at the low end to 1 at the high end; what lies outside is at the nearer one."""
        inside = min(max(value, self.low), self.high)
        return math.log(inside / self.low) / math.log(self.high / self.low)

    def ticks(self, most: int) -> list[float]:
        """Round numbers inside, at most ``most`` of them, and three where that can be.

        Over decades they begin with 1, or with 1, 2 and 5; in less they are evenly apart.
        """
        for digits in _LEADING:
            found = list(self._rounded(digits))
            if len(found) >= _FEWEST_TICKS:
                return thinned(found, most)
        return self._even(most)

    def _rounded(self, digits: Iterable[int]) -> Iterator[float]:
        first, last = math.floor(math.log10(self.low)), math.floor(math.log10(self.high))
        for power in range(first, last + 1):
            for digit in digits:
                value = digit * 10.0**power
                if self.low <= value <= self.high:
                    yield value

    def _even(self, most: int) -> list[float]:
        """Multiples of 1, 2 or 5 times a power of ten."""
        power = math.floor(math.log10(self.high - self.low)) - 1
        steps = (digit * 10.0 ** (power + up) for up in range(3) for digit in _LEADING[-1])
        for step in steps:
            first, last = math.ceil(self.low / step), math.floor(self.high / step)
            if last - first < most:
                return [number * step for number in range(first, last + 1)]
        return []


def thinned(ticks: Sequence[float], most: int) -> list[float]:
    """Every second or third of them, or fewer, so that there are at most ``most``; at least 1."""
    return list(ticks[:: -(-len(ticks) // max(most, 1)) or 1])
