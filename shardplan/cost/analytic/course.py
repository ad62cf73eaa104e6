"""How one algorithm runs one collective of one size across scale-up domains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.cost.profile.curves import Line

if TYPE_CHECKING:
    from shardplan.cost.profile.algorithm_costs import AlgorithmCosts
    from shardplan.topology.level import LevelName


@dataclass(frozen=True, slots=True)
class Course:
    """Bytes pass both levels, piece by piece: at best at once, at worst one level after the other.

    What is measured lies between; NCCL works in pieces, so that the better one is predicted.
    """

    costs: AlgorithmCosts
    size_bytes: float
    start_seconds: float
    """Before the last device has the first byte."""
    across_seconds_per_byte: float
    inside: Line
    """Of the domain's part, without its start-up."""
    carried: float = 1.0
    """Measured over predicted where this was measured, on a machine of some size."""

    @property
    def pipelined_seconds(self) -> float:
        """Both levels at once: a lower bound."""
        return self.carried * (self.start_seconds + max(self._across, self._inside))

    @property
    def sequential_seconds(self) -> float:
        """One level after the other: an upper bound."""
        return self.carried * (self.start_seconds + self._across + self._inside)

    @property
    def level(self) -> LevelName:
        """What it waits for longest."""
        is_inside = self._inside > self.start_seconds + self._across
        return "scale_up" if is_inside else "scale_out"

    @property
    def line(self) -> Line:
        """That touches the predicted time at this size."""
        crossing = Line(0.0, self.across_seconds_per_byte)
        slower = self.inside if self._inside > self._across else crossing
        return Line(
            self.carried * (self.start_seconds + slower.constant_seconds),
            self.carried * slower.seconds_per_byte,
        )

    @property
    def _across(self) -> float:
        return self.across_seconds_per_byte * self.size_bytes

    @property
    def _inside(self) -> float:
        return self.inside.seconds(self.size_bytes)
