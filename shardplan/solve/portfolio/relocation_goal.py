"""What is sought among placements near a known one: few bytes that move, or little cost in all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.program.program import Program


@dataclass(frozen=True, slots=True)
class RelocationGoal:
    """A placement costs its objective, and for every byte that it moves ``seconds_per_byte``."""

    most_seconds: float
    """What a placement may cost; others are not good enough."""
    seconds_per_byte: float = 0.0
    is_cost: bool = False
    """Of those that are good enough the one that costs least, not the one that moves least."""
    most_bytes: float = np.inf
    """What may move; a placement that moves more is not good enough."""

    def value(
        self, objective: NDArray[np.float64], moved_bytes: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(n,): what is to be least of n placements; infinite for those not good enough."""
        cost = objective + self.seconds_per_byte * moved_bytes
        sought = cost if self.is_cost else moved_bytes
        found: NDArray[np.float64] = np.where(
            (cost <= self.most_seconds) & (moved_bytes <= self.most_bytes), sought, np.inf
        )
        return found

    def asked_of(
        self, program: Program, bytes_of_columns: NDArray[np.float64], unit: float, scale: float
    ) -> Program:
        """The exact integer program with this goal in place of its own.

        ``bytes_of_columns`` (columns,) is what each variable moves; its time is counted in ``unit``
        seconds, and ``scale`` bytes count as one.
        """
        cost = program.cost + self.seconds_per_byte / unit * bytes_of_columns
        limited = program.with_row("good", cost, self.most_seconds / unit)
        if np.isfinite(self.most_bytes):
            limited = limited.with_row("moves", bytes_of_columns / scale, self.most_bytes / scale)
        sought = cost if self.is_cost else bytes_of_columns / scale
        return replace(limited, cost=sought)
