"""The end of the time that work may take, handed down to all of its parts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point in time, by a clock that tells seconds."""

    at_seconds: float
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> Deadline:
        """``seconds`` from now."""
        return cls(clock() + seconds, clock)

    @property
    def seconds_left(self) -> float:
        """Until then; 0 from then on."""
        return max(0.0, self.at_seconds - self.clock())

    @property
    def is_over(self) -> bool:
        """Whether no time is left."""
        return self.seconds_left <= 0.0

    def within(self, seconds: float) -> Deadline:
        """``seconds`` from now, or this one where it comes first."""
        return Deadline(min(self.at_seconds, self.clock() + seconds), self.clock)
