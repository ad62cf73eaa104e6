"""Waiting for one of several servers that are alike."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2
from typing import TYPE_CHECKING

import numpy as np

from shardplan.latency.erlang import waiting_share
from shardplan.latency.lattice import Lattice
from shardplan.latency.rounding import Rounding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.latency.service import Service

_STEPS_OF_A_SERVICE = 200
_MOST_POINTS = 2**18
_MEAN_WAITS = 30
"""That a lattice has room for: of an exponential tail less than 1e-12 lies beyond."""


@dataclass(frozen=True, eq=False, slots=True)
class Queue:
    """First come, first served."""

    arrivals_per_second: float
    servers: int
    service: Service
    arrivals_cv2: float = 1.0
    """Squared coefficient of variation of the gaps; 1 of a Poisson process."""

    @property
    def utilisation(self) -> float:
        """Share of the time that servers are busy; from 1 on the queue grows without end."""
        return self.arrivals_per_second * self.service.mean_seconds / self.servers

    @property
    def mean_wait_seconds(self) -> float:
        """Allen-Cunneen: exact for M/G/1 (Pollaczek-Khinchine) and M/M/c, near for others."""
        idle = 1 - self.utilisation
        if idle <= 0:
            return float("inf")
        waiting = waiting_share(self.utilisation * self.servers, self.servers)
        variation = (self.arrivals_cv2 + self.service.cv2) / 2
        return variation * waiting * self.service.mean_seconds / (self.servers * idle)

    def latency(self, rounding: Rounding = Rounding.NEAREST) -> Lattice | None:
        """Wait and service together; None where the queue grows without end.

        Of a Poisson process and one server exact but for the lattice, and proven to be never above
        (``DOWN``) or never below (``UP``) the truth, since no wait of a queue falls as a service
        gets longer (Kiefer and Wolfowitz 1955). Of exponential service exact too. Otherwise near
        (van Hoorn and Tijms 1982): those who wait do so for the first of all servers to be done,
        and from then on the servers take turns as one that is as fast as all together. Waits are
        multiplied as Allen-Cunneen has it where arrivals are no Poisson process.
        """
        return self.latency_on(*self._lattice(), rounding)

    def latency_on(
        self, step_seconds: float, points: int, rounding: Rounding = Rounding.NEAREST
    ) -> Lattice | None:
        """The same on a lattice of one's own, such as one for several stages in a row."""
        service = self.service.lattice(step_seconds, points, rounding)
        exact = self.service.mean_seconds
        mean = exact if rounding is Rounding.NEAREST else service.mean_seconds
        utilisation = self.arrivals_per_second * mean / self.servers
        if utilisation >= 1:
            return None
        wait = self._wait(service, utilisation, rounding)
        if self.arrivals_cv2 != 1:
            cv2 = self.service.cv2
            factor = (self.arrivals_cv2 + cv2) / (1 + cv2)
            wait = wait.stretched(factor) if factor > 0 else _at_once(step_seconds, points)
        return wait.plus(service)

    def _lattice(self) -> tuple[float, int]:
        """The seconds of a step, and how many points there are."""
        mean = self.service.mean_seconds
        step = mean / (_STEPS_OF_A_SERVICE * min(self.servers, 10))
        idle = max(1 - self.utilisation, 1e-3)
        # Waits are those of a Poisson process before they are shortened for regular arrivals.
        cv2 = max(self.arrivals_cv2, 1.0) + self.service.cv2
        conditional = mean * cv2 / 2 / self.servers / idle
        reach = self.service.nearly_longest_seconds * 2 + _MEAN_WAITS * (conditional + mean / 10)
        points = 2 ** ceil(log2(reach / step + 2))
        if points > _MOST_POINTS:
            return reach / _MOST_POINTS, _MOST_POINTS
        return step, points

    def _wait(self, service: Lattice, utilisation: float, rounding: Rounding) -> Lattice:
        """A share does not wait; the others for what is left of the services under way, and for a
        geometric number of turns."""
        points, c = len(service.masses), self.servers
        # Left of a service at any time: longer than a point as (1/mean) the integral from it on
        # of the share of services that take longer; that is even between two points.
        rest = np.append(np.cumsum(service.survival[::-1])[::-1], 0.0)
        left = rest / rest[0]
        first = _left(left[:points] ** c, rounding)
        turn = _left(left[np.minimum(np.arange(points) * c, points)], rounding)
        waiting = waiting_share(utilisation * c, c)
        size = 2 * points
        turns = (1 - utilisation) / (1 - utilisation * np.fft.rfft(turn, size))
        masses = waiting * np.fft.irfft(np.fft.rfft(first, size) * turns, size)[:points]
        masses[0] += 1 - waiting
        return Lattice(service.step_seconds, masses.clip(min=0.0))


def _left(survival: NDArray[np.float64], rounding: Rounding) -> NDArray[np.float64]:
    """Masses at the points, from the shares beyond each."""
    return Lattice.of_survival(1.0, survival, rounding).masses


def _at_once(step: float, points: int) -> Lattice:
    return Lattice(step, np.append(1.0, np.zeros(points - 1)))
