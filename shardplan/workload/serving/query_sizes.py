"""How many candidates queries have."""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_MIDDLE = 1 / 2
"""Sizes are whole: each takes what is nearer to it than to its neighbours."""


@dataclass(frozen=True, eq=False, slots=True)
class QuerySizes:
    """The distribution of a query's candidates: user-item pairs to be scored, at least 1."""

    sizes: NDArray[np.int64]
    """(K,): rising."""
    shares: NDArray[np.float64]
    """(K,): of queries; all more than 0, and 1 together."""

    @classmethod
    def constant(cls, candidates: int) -> QuerySizes:
        """All queries alike."""
        return cls(np.array([candidates]), np.ones(1))

    @classmethod
    def lognormal(cls, mu: float, sigma: float, most: int) -> QuerySizes:
        """Rounded to whole candidates; those beyond ``most`` count as ``most``."""
        upper = np.log(np.arange(1, most) + _MIDDLE)
        below = [(1 + erf((each - mu) / (sigma * sqrt(2)))) / 2 for each in upper]
        return cls._of(np.arange(1, most + 1), np.diff([0.0, *below, 1.0]))

    @classmethod
    def quantiles(cls, points: Sequence[tuple[float, float]]) -> QuerySizes:
        """From (share of queries, size) with both rising: straight lines between the points, the
        first size below them and the last above."""
        shares, sizes = np.array(points, dtype=np.float64).T
        least, most = round(sizes[0]), round(sizes[-1])
        whole = np.arange(least, most + 1)
        upper = whole[:-1] + _MIDDLE
        below = np.interp(upper, sizes, shares) if len(whole) > 1 else np.zeros(0)
        return cls._of(whole, np.diff([0.0, *below, 1.0]))

    @classmethod
    def _of(cls, sizes: NDArray[np.int64], shares: NDArray[np.float64]) -> QuerySizes:
        there = shares > 0
        return cls(sizes[there], shares[there] / shares[there].sum())

    @property
    def mean(self) -> float:
        """Candidates of a query in the mean."""
        return float(self.shares @ self.sizes)

    @property
    def mean_square(self) -> float:
        """Of the number of candidates."""
        return float(self.shares @ self.sizes.astype(np.float64) ** 2)

    @property
    def largest(self) -> int:
        """The most candidates that a query has."""
        return int(self.sizes[-1])

    def drawn(self, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
        """(count,): sizes of so many queries, independent of each other."""
        edges = np.cumsum(self.shares[:-1])
        found: NDArray[np.int64] = self.sizes[np.searchsorted(edges, rng.random(count), "right")]
        return found
