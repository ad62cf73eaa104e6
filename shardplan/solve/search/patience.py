"""How long a search may go on without finding anything better."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_LEAST_GAIN = 1e-3
"""Relatively: bounds creep up in a tree, and less than that is no reason to wait for more."""


class Patience:
    """The time since objective or bound last improved; endless before there is a placement.

    ``seconds`` is how long to wait, None for ever; ``clock`` tells seconds.
    """

    def __init__(self, seconds: float | None, clock: Callable[[], float]) -> None:
        self._seconds, self._clock = seconds, clock
        self._objective, self._lower_bound = float("inf"), 0.0
        self._since = clock()

    @property
    def is_over(self) -> bool:
        """Whether nothing has improved for too long."""
        if self._seconds is None or self._objective == float("inf"):
            return False
        return self._clock() - self._since > self._seconds

    def heard(self, objective: float, lower_bound: float) -> None:
        """Begin to wait again if either is better than when the waiting began."""
        is_better = objective < self._objective * (1 - _LEAST_GAIN)
        if is_better or lower_bound > self._lower_bound * (1 + _LEAST_GAIN):
            self._objective, self._lower_bound = objective, lower_bound
            self._since = self._clock()
