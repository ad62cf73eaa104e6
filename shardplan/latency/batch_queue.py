"""A worker that takes all that waits, up to a limit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from shardplan.latency.batch_waits import LEAST_MASS, Waits, poisson
from shardplan.latency.service_mix import ServiceMix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.latency.lattice import Lattice

_MOST_STATES = 1500
_TOO_MANY = 1e-3
"""Of batches, at whose end nearly as many wait as are counted."""
_SERVICES = 8
_SHARES_OF_A_SERVICE = 100


@dataclass(frozen=True, eq=False)
class BatchQueue:
    """Queries of a Poisson process, served by one worker in batches.

    The numbers that wait when a batch ends are a Markov chain, that is solved; a query that comes
    during a batch waits for the rest of it, and for full batches of those ahead of it. Exact but
    for the lattice, for how services about their mean are cut into a few, and for the arrivals
    during full batches that one waits for, which are taken at their mean.
    """

    arrivals_per_second: float
    batch_seconds: NDArray[np.float64]
    """(B,): in the mean, of 1, 2, .. B queries; not falling."""
    cv: NDArray[np.float64]
    """(B,): of batches of so many queries."""

    @property
    def limit(self) -> int:
        """The most queries of a batch."""
        return len(self.batch_seconds)

    @property
    def capacity_per_second(self) -> float:
        """Queries in full batches."""
        return self.limit / float(self.batch_seconds[-1])

    @property
    def utilisation(self) -> float:
        """Of the capacity; the worker may be busy for longer, with batches that are not full."""
        return self.arrivals_per_second / self.capacity_per_second

    def latency(self) -> Lattice | None:
        """From arrival to answer; None where the queue grows without end, or is so near to it that
        more wait than are counted."""
        if self.utilisation >= 1:
            return None
        waiting = self._waiting
        if waiting is None:
            return None
        waits = Waits(self, len(waiting) // self.limit + 1)
        for count in np.flatnonzero(waiting > LEAST_MASS).tolist():
            waits.add(count, float(waiting[count]))
        return waits.latency()

    def seconds_of(self, queries: int) -> NDArray[np.float64]:
        """(J,): a few services that stand for all of so many queries, each as likely."""
        mean, cv = float(self.batch_seconds[queries - 1]), float(self.cv[queries - 1])
        return mean * _factors(cv)

    @cached_property
    def _waiting(self) -> NDArray[np.float64] | None:
        """(S,): the shares of batches at whose end so many wait."""
        rate, limit = self.arrivals_per_second, self.limit
        slack = 1 - self.utilisation
        most_arrive = rate * float(self.seconds_of(limit)[-1])
        deviation = sqrt(max(most_arrive, 1.0))
        states = int(limit + most_arrive + 8 * deviation + 12 * max(1.0, deviation) / slack)
        if states > _MOST_STATES:
            states = _MOST_STATES
        moves = np.zeros((states, states))
        arrive = [
            np.mean([poisson(rate * each, states) for each in self.seconds_of(size)], axis=0)
            for size in range(1, limit + 1)
        ]
        for count in range(states):
            taken = min(max(count, 1), limit)
            left = max(count - taken, 0)
            moves[count, left:] = arrive[taken - 1][: states - left]
            moves[count, -1] += 1 - moves[count].sum()
        system = moves.T - np.eye(states)
        system[-1] = 1.0
        right = np.zeros(states)
        right[-1] = 1.0
        shares: NDArray[np.float64] = np.linalg.solve(system, right).clip(min=0.0)
        return shares if shares[-limit:].sum() < _TOO_MANY else None


@lru_cache(maxsize=4096)
def _factors(cv: float) -> NDArray[np.float64]:
    """(J,): means of equal shares of a lognormal distribution with mean 1, the least first."""
    if cv == 0:
        return np.ones(1)
    points = 4000
    step = 10 / points
    survival = ServiceMix(np.ones(1), np.ones(1), cv).survival(step, points)
    shares = (np.arange(_SERVICES * _SHARES_OF_A_SERVICE) + 1 / 2) / (
        _SERVICES * _SHARES_OF_A_SERVICE
    )
    drawn = np.interp(shares, 1 - survival, np.arange(points) * step)
    means = drawn.reshape(_SERVICES, -1).mean(axis=1)
    scaled: NDArray[np.float64] = means / means.mean()
    return scaled
