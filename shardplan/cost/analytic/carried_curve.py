"""A collective measured among some scale-up domains, carried over to another number of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Self

from shardplan.cost.profile.curves import Curve

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.topology.measured.machine_curves import MeasuredCurve


@dataclass(frozen=True, slots=True)
class CarriedCurve:
    """Each measured point times the ratio of what is predicted here and where it was measured.

    Predictions of two numbers of domains may choose other algorithms, so that their ratio jumps
    between sizes: a point then takes at least as long as each of fewer bytes, and between points
    the curve is straight in log-log. Outside of them it goes on as the prediction for here does. So
    more bytes never take less time, as long as they do not in the prediction.
    """

    curve: Curve
    """Through the carried points."""
    here: Callable[[float], float]
    """Predicted seconds by bytes."""

    @classmethod
    def of(
        cls,
        measured: MeasuredCurve,
        here: Callable[[float], float],
        there: Callable[[float], float],
    ) -> Self:
        """With the predicted seconds by bytes among the domains here, and those measured."""
        carried = [seconds * here(size) / there(size) for size, seconds in measured.points]
        sizes = [size for size, _ in measured.points]
        return cls(Curve(tuple(zip(sizes, accumulate(carried, max), strict=True))), here)

    def seconds(self, size_bytes: float) -> float:
        """Seconds for a buffer of that many bytes."""
        first, last = self.curve.points[0][0], self.curve.points[-1][0]
        nearest = min(max(size_bytes, first), last)
        seconds = self.curve.seconds(nearest)
        if nearest == size_bytes:
            return seconds
        return seconds * self.here(size_bytes) / self.here(nearest)
