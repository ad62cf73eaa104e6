"""A logarithmic axis, for pictures of lines and of characters alike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LEAST_FACTOR = 1.25
"""Between both ends: of less, no picture would be worth its ink."""
_LEADING = ((1,), (1, 2, 5), (1, 2, 3, 5, 7), tuple(range(1, 10)))
"""Of numbers at ticks, the first digits, from few ticks to many."""
_FEWEST_TICKS = 3
_FINER = 10
"""Times as many ticks, where whole first digits are too few."""


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
        """Round numbers inside, three to ``most`` of them where that can be."""
        found: list[float] = []
        for digits in _LEADING:
            found = list(self._rounded(digits, 1))
            if len(found) >= _FEWEST_TICKS:
                return _thinned(found, most)
        return _thinned(list(self._rounded(range(_FINER, 100), _FINER)) or found, most)

    def _rounded(self, digits: Iterable[int], finer: int) -> Iterator[float]:
        listed = tuple(digits)
        first, last = math.floor(math.log10(self.low)), math.floor(math.log10(self.high))
        for power in range(first, last + 1):
            for digit in listed:
                value = digit / finer * 10.0**power
                if self.low <= value <= self.high:
                    yield value


def _thinned(ticks: list[float], most: int) -> list[float]:
    step = -(-len(ticks) // max(most, 1))
    return ticks[::step]
