"""How long to repartition, by the size of the cluster and of the problem."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.search.repartition.repartition import RepartitionParams

if TYPE_CHECKING:
    from shardplan.solve.problem.problem import Problem


def stretch(effort: float) -> float:
    """How long one restart of a pass may last, relative to the usual.

    What more effort there is goes half into slower cooling, and half into more restarts.
    """
    return min(effort, sqrt(effort))


@dataclass(frozen=True, slots=True)
class RepartitionEffort:
    """Rounds of all restarts of a pass together, and of each."""

    small_cluster: int = 32
    large_cluster: int = 128
    """Devices up to which a cluster is small, and beyond which it is large."""
    rounds: int = 6000
    """Of a restart on clusters of middling size, and on small ones where options can be mixed."""
    small_rounds: int = 3000
    """On small clusters, where more and shorter restarts find more."""
    large_rounds: int = 1500
    """On large ones, where rounds last."""
    all_rounds: int = 40_000
    """Of all restarts on clusters that are not large; ..."""
    few_items: int = 50
    few_items_divisor: int = 3
    """... divided by so much for so few items, which leaves the integer program its time."""
    copies_devices: int = 64
    """On small clusters placements are searched side by side, so that they have about this many
    devices together; ..."""
    most_copies: int = 8
    """... this many placements at most."""
    small: RepartitionParams = field(default_factory=lambda: RepartitionParams(changes=6))
    larger: RepartitionParams = field(
        default_factory=lambda: RepartitionParams(hottest=1e-3, coldest=1e-5, log2_exponents=(5, 8))
    )
    """How to search small clusters and all others; copies and rounds follow from the above."""

    def params(self, problem: Problem, effort: float) -> RepartitionParams:
        """How to search in one restart; no longer than all restarts may last."""
        params = self._unlimited(problem)
        rounds = round(params.rounds * max(1.0, stretch(effort)))
        return replace(params, rounds=min(rounds, self._all_rounds(problem, effort)))

    def restarts(self, problem: Problem, effort: float) -> int:
        """How many are worth their time; a whole effort has a second one in any case."""
        large = max(1, problem.device_count // self.large_cluster)
        rounds = self.params(problem, effort).rounds * large
        return max(1 if effort < 1 else 2, self._all_rounds(problem, effort) // rounds)

    def _unlimited(self, problem: Problem) -> RepartitionParams:
        devices = problem.device_count
        if devices <= self.small_cluster:
            copies = int(np.clip(self.copies_devices // devices, 1, self.most_copies))
            rounds = self.rounds if problem.mixable.any() else self.small_rounds
            return replace(self.small, copies=copies, rounds=rounds)
        rounds = self.rounds if devices <= self.large_cluster else self.large_rounds
        return replace(self.larger, rounds=rounds)

    def _all_rounds(self, problem: Problem, effort: float) -> int:
        is_few = problem.item_count <= self.few_items
        divisor = self.few_items_divisor if is_few else 1
        return max(1, round(effort * self.all_rounds / divisor))
