"""Latency of a funnel by its replicas, on one lattice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from shardplan.latency.in_a_row import in_a_row
from shardplan.latency.lattice import Lattice

if TYPE_CHECKING:
    from shardplan.funnel.demand import Demand
    from shardplan.funnel.funnel import Funnel

_STEPS = 2000
"""Of the seconds that are asked about."""
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class FunnelLatency:
    """Of one funnel at one demand; stages count as independent of each other."""

    funnel: Funnel
    demand: Demand
    _known: dict[tuple[int, int], Lattice | None] = field(default_factory=dict)

    def seconds(self, replicas: tuple[int, ...]) -> float:
        """Of all stages together, at the share that is asked for, rounded up; infinite beyond the
        limit."""
        stages = [self._stage(number, count) for number, count in enumerate(replicas)]
        known = [each for each in stages if each is not None]
        if len(known) < len(stages):
            return float("inf")
        return in_a_row(known).quantile(self.demand.share)

    def may_do(self, number: int, replicas: int) -> bool:
        """Whether so many replicas of a stage keep up, and are fast enough if all other stages took
        no time: else no number of their replicas helps."""
        demand = self.demand
        busy = self.funnel.stages[number].utilisation(demand.queries_per_second, replicas)
        if busy > demand.busy_at_most * (1 + _ROUNDING):
            return False
        stage = self._stage(number, replicas)
        return stage is not None and stage.quantile(demand.share) < float("inf")

    def _stage(self, number: int, replicas: int) -> Lattice | None:
        """Of one stage, on the lattice of all; None where its queue grows without end."""
        key = (number, replicas)
        if key not in self._known:
            way, demand = self.funnel.stages[number], self.demand
            own = way.latency(demand.queries_per_second, replicas, demand.arrivals_cv2)
            step = demand.within_seconds / _STEPS
            self._known[key] = own and _rounded_up(own, step)
        return self._known[key]


def _rounded_up(lattice: Lattice, step_seconds: float) -> Lattice:
    """To the next of the points up to the limit; what is beyond it is missing."""
    at = np.arange(_STEPS + 1) * (step_seconds / lattice.step_seconds) * (1 + _ROUNDING)
    below = np.cumsum(lattice.masses)
    within = below[np.minimum(at.astype(np.int64), len(below) - 1)]
    return Lattice(step_seconds, np.diff(within, prepend=0.0))
