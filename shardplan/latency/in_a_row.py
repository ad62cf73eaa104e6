"""Stages one after the other."""

from __future__ import annotations

from math import inf, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.latency.lattice import Lattice


def in_a_row(stages: Sequence[Lattice]) -> Lattice:
    """Stages that are independent of each other, on lattices of one step.

    That later stages see a Poisson process is taken to be so, which is on the safe side of most
    cases: waits smooth what comes out.
    """
    total = stages[0]
    for stage in stages[1:]:
        total = total.plus(stage)
    return total


def surely_within_seconds(stages: Sequence[Lattice], share: float) -> float:
    """What ``share`` of the queries take at most, however stages depend on each other (Boole).

    Each stage may leave an even part of the rest; infinite where one never ends.
    """
    each = 1 - (1 - share) / len(stages)
    seconds = [stage.quantile(each) for stage in stages]
    return sum(seconds) if inf not in seconds else inf


def departures_cv2(
    arrivals_cv2: float, service_cv2: float, utilisation: float, servers: int
) -> float:
    """Squared coefficient of variation of the gaps between those that leave a stage.

    Whitt's Queueing Network Analyzer (1983), equation 39.
    """
    busy = utilisation**2
    service = max(service_cv2, _LEAST_SERVICE_CV2) - 1
    return 1 + (1 - busy) * (arrivals_cv2 - 1) + busy * service / sqrt(servers)


_LEAST_SERVICE_CV2 = 0.2
"""Of Whitt's fit."""
