"""How long service takes: means that differ, and what lies about each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import erf, exp, log1p, sqrt
from typing import TYPE_CHECKING

import numpy as np

from shardplan.latency.lattice import Lattice
from shardplan.latency.rounding import Rounding

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_MEANS = 200
_FARTHEST = 8.0
"""Standard deviations, beyond which a normal distribution has less than 1e-15."""
_POINTS = 16_000
_FARTHEST_TIMES = 1.5
"""What is nearly the longest: none takes more, to the last digit."""


@dataclass(frozen=True, eq=False, slots=True)
class ServiceMix:
    """A mean drawn from several, times a lognormal factor with mean 1."""

    means_seconds: NDArray[np.float64]
    """(K,)."""
    shares: NDArray[np.float64]
    """(K,): 1 together."""
    cv: float = 0.0
    """Coefficient of variation of the factor."""

    @property
    def mean_seconds(self) -> float:
        """Of all."""
        return float(self.shares @ self.means_seconds)

    @property
    def cv2(self) -> float:
        """Squared coefficient of variation of all."""
        square = float(self.shares @ self.means_seconds**2) * (1 + self.cv**2)
        return square / self.mean_seconds**2 - 1

    @property
    def nearly_longest_seconds(self) -> float:
        """What hardly any takes longer than: six standard deviations of the logarithm."""
        sigma = sqrt(log1p(self.cv**2))
        return float(self.means_seconds.max()) * exp((_FARTHEST - 2) * sigma)

    def survival(self, step_seconds: float, points: int) -> NDArray[np.float64]:
        """(points,): the share that takes longer than each point of a lattice."""
        some = min(points, int(_FARTHEST_TIMES * self.nearly_longest_seconds / step_seconds) + 2)
        grid = np.arange(some) * step_seconds
        order = np.argsort(self.means_seconds)
        means, shares = self.means_seconds[order], self.shares[order]
        if self.cv == 0:
            at = np.searchsorted(means, grid * (1 + 1e-12), side="right")
            longer: NDArray[np.float64] = np.append(np.cumsum(shares[::-1])[::-1], 0.0)[at]
            return np.append(longer, np.zeros(points - some))
        sigma = sqrt(log1p(self.cv**2))
        logs = np.log(np.maximum(grid, step_seconds * 1e-9))
        total = np.zeros(some)
        for mean, share in zip(*_grouped(means, shares), strict=True):
            total += share * _normal_above((logs - np.log(mean)) / sigma + sigma / 2)
        total[0] = 1.0
        return np.append(total, np.zeros(points - some))

    def lattice(
        self, step_seconds: float, points: int, rounding: Rounding = Rounding.NEAREST
    ) -> Lattice:
        """As it is at the points of a lattice; what takes exactly as long as a point, is there."""
        if self.cv > 0:
            return Lattice.of_survival(step_seconds, self.survival(step_seconds, points), rounding)
        exact = self.means_seconds / step_seconds
        masses = np.zeros(points + 1)
        down = np.minimum(np.floor(exact * (1 + 1e-12)), points)
        over = (exact - down).clip(0.0, 1.0)
        up_share = {
            Rounding.DOWN: np.zeros_like(over),
            Rounding.NEAREST: over,
            Rounding.UP: np.where(over > exact * 1e-12, 1.0, 0.0),
        }[rounding]
        low = down.astype(np.int64)
        np.add.at(masses, low, self.shares * (1 - up_share))
        np.add.at(masses, np.minimum(low + 1, points), self.shares * up_share)
        return Lattice(step_seconds, masses[:points])


def _grouped(
    means: NDArray[np.float64], shares: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Neighbours put together where there are very many; the mean of all is kept."""
    if len(means) <= _MOST_MEANS:
        return means, shares
    first = np.linspace(0, len(means), _MOST_MEANS, endpoint=False).astype(np.int64)
    together = np.add.reduceat(shares, first)
    return np.add.reduceat(shares * means, first) / together, together


def _normal_above(deviations: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of a standard normal distribution above each."""
    grid, above = _normal()
    return np.interp(deviations, grid, above)


@cache
def _normal() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    grid = np.linspace(-_FARTHEST, _FARTHEST, _POINTS)
    above = np.array([(1 - erf(each / sqrt(2))) / 2 for each in grid.tolist()])
    return grid, above
