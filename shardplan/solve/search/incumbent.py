"""The best that a search has found so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.solve.problem.placement import Placement


@dataclass
class Incumbent:
    """A placement that fits, and what it costs; at first none, and what is to be beaten."""

    objective: float = float("inf")
    placement: Placement | None = None

    def take(self, objective: float, placement: Placement) -> None:
        """Put a better placement in its stead."""
        self.objective, self.placement = objective, placement
