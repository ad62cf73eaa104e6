"""Queries that are cut into parts, served side by side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from shardplan.latency.lattice import Lattice
from shardplan.latency.rounding import Rounding

if TYPE_CHECKING:
    from shardplan.latency.service_mix import ServiceMix

_POINTS_OF_A_PART = 400


@dataclass(frozen=True, eq=False)
class Fork:
    """All queries with as many parts: one less of them are whole, and the last is what is left."""

    share: float
    parts: int
    last: ServiceMix


@dataclass(frozen=True, eq=False)
class ForkedService:
    """Seconds until the last part of a query is done, on ``workers`` that take nothing else
    meanwhile.

    Parts are taken in rounds, each of which ends with its slowest part. Workers that would go on to
    the next part, or to the next query, begin no part later than these do: their free times are
    never above these (the recursion of Kiefer and Wolfowitz), whatever the services are. So
    latencies of queues of such groups of workers are never below those of the workers, if no query
    has more parts than a group has workers, or there is one group.
    """

    forks: tuple[Fork, ...]
    whole: ServiceMix
    """Of a whole part."""
    workers: int

    @cached_property
    def _own(self) -> Lattice:
        step = self.whole.mean_seconds / _POINTS_OF_A_PART
        return self.lattice(step, ceil(self.nearly_longest_seconds / step) + 2)

    @property
    def mean_seconds(self) -> float:
        """Of all queries."""
        return self._own.mean_seconds

    @property
    def cv2(self) -> float:
        """Squared coefficient of variation of all."""
        seconds = np.arange(len(self._own.masses)) * self._own.step_seconds
        square = float(self._own.masses @ seconds**2)
        return square / self.mean_seconds**2 - 1

    @property
    def nearly_longest_seconds(self) -> float:
        """Of the query with most parts, each as long as hardly any."""
        most = max(fork.parts for fork in self.forks)
        return self.whole.nearly_longest_seconds * ceil(most / self.workers)

    def lattice(
        self, step_seconds: float, points: int, rounding: Rounding = Rounding.NEAREST
    ) -> Lattice:
        """As it is at the points of a lattice."""
        whole = self.whole.lattice(step_seconds, points, rounding)
        masses = np.zeros(points)
        for fork in self.forks:
            last = fork.last.lattice(step_seconds, points, rounding)
            masses += fork.share * self._ended(whole, last, fork.parts).masses
        return Lattice(step_seconds, masses)

    def _ended(self, whole: Lattice, last: Lattice, parts: int) -> Lattice:
        rounds, beside = divmod(parts - 1, self.workers)
        ended = _slowest(whole, beside, last)
        for _ in range(rounds):
            ended = ended.plus(_slowest(whole, self.workers, None))
        return ended


def _slowest(whole: Lattice, count: int, last: Lattice | None) -> Lattice:
    """Of ``count`` whole parts, and the last one if there is one."""
    below = np.cumsum(whole.masses).clip(max=1.0) ** count
    if last is not None:
        below = below * np.cumsum(last.masses).clip(max=1.0)
    return Lattice(whole.step_seconds, np.diff(below, prepend=0.0))
