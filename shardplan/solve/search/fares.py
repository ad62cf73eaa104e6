"""What units pay by where they land, beside what they cost and need: bytes that move, say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.placement import device_counts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.problem.problem import Problem


@dataclass(frozen=True, slots=True)
class Fares:
    """Fares, and what they are worth to each of several placements side by side."""

    of_unit: NDArray[np.float64]
    """(O, D): of one unit of an option on a device, in any measure."""
    rate: NDArray[np.float64]
    """(R,): seconds for one of that, in each placement."""

    def at(
        self, option: NDArray[np.int64], place: NDArray[np.int64], width: int
    ) -> NDArray[np.float64]:
        """(n,): of one unit of each option at a place of ``width`` devices."""
        devices = place[:, None] * width + np.arange(width)
        found: NDArray[np.float64] = self.of_unit[option[:, None], devices].sum(axis=1)
        return found

    def of_items(self, problem: Problem, placement: Placement) -> NDArray[np.float64]:
        """(I,): what each item of a placement pays."""
        counts = device_counts(problem, placement)
        paid: NDArray[np.float64] = (counts * self.of_unit[placement.option]).sum(axis=1)
        return paid
