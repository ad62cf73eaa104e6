"""What caches in HBM serve of the ids of a table, by how many rows they hold."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from shardplan.workload.caching.lru import lru_curve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.workload.access import Access

_LEAST_ROWS = 2**10
"""Caches of fewer rows are no better known than by the straight line to none."""


@dataclass(frozen=True, eq=False, slots=True)
class HitCurve:
    """Straight lines between halves of the table, halves of these, and so on: concave."""

    rows: NDArray[np.float64]
    """(P,): that the cache holds, rising from 0 to all."""
    hits: NDArray[np.float64]
    """(P,): share of the ids."""

    @classmethod
    def of(cls, access: Access, rows: int, pooling: float) -> HitCurve:
        """Of a cache that drops the row not read for longest, read id by id (FBGEMM's default)."""
        return _curve(access, rows, pooling)

    def hit_rate(self, cached_rows: float) -> float:
        """Of a cache of so many rows."""
        return float(np.interp(cached_rows, self.rows, self.hits))


@cache
def _curve(access: Access, rows: int, pooling: float) -> HitCurve:
    exact = lru_curve(access.distribution(rows, pooling), 1.0)
    halvings = max(0, int(np.log2(max(rows, 1) / _LEAST_ROWS)))
    points = np.concatenate([[0.0], rows * 2.0 ** -np.arange(halvings, 0, -1), [float(rows)]])
    hits = exact.hit_rate_at(points)
    hits[0], hits[-1] = 0.0, 1.0
    return HitCurve(points, np.minimum(hits, 1.0))
