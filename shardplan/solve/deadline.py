"""The end of the time that work may take, handed down to all of its parts."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point in time, by a clock that tells seconds; or earlier, when the user calls work off."""

    at_seconds: float
    clock: Callable[[], float] = time.monotonic
    is_called_off: Callable[[], bool] = field(default=lambda: False)
    """Asked often."""

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> Deadline:
        """``seconds`` from now."""
        return cls(clock() + seconds, clock)

    @property
    def seconds_left(self) -> float:
        """Until then; 0 from then on, and once it is called off."""
        return 0.0 if self.is_called_off() else max(0.0, self.at_seconds - self.clock())

    @property
    def is_over(self) -> bool:
        """Whether no time is left."""
        return self.seconds_left <= 0.0

    def within(self, seconds: float) -> Deadline:
        """``seconds`` from now, or this one where it comes first."""
        return replace(self, at_seconds=min(self.at_seconds, self.clock() + seconds))

    def unless(self, is_called_off: Callable[[], bool]) -> Deadline:
        """The same, over at once when the user calls work off."""
        return replace(self, is_called_off=is_called_off)

    def extended(self, seconds: float) -> Deadline:
        """Later by that much, also than when work was called off."""
        grace = _Grace(self.is_called_off, self.clock, seconds)
        return Deadline(self.at_seconds + seconds, self.clock, grace)


ENDLESS = Deadline(float("inf"))
"""Never over."""


class _Grace:
    """Whether work was called off some time ago, counted from when that was first seen."""

    def __init__(
        self, is_called_off: Callable[[], bool], clock: Callable[[], float], seconds: float
    ) -> None:
        self._is_called_off, self._clock, self._seconds = is_called_off, clock, seconds
        self._ends: float | None = None

    def __call__(self) -> bool:
        if self._ends is None and self._is_called_off():
            self._ends = self._clock() + self._seconds
        return self._ends is not None and self._clock() >= self._ends
