"""What a cache in front of a table misses, by how many rows it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, slots=True)
class MissCurve:
    """Points joined by straight lines, from an empty cache to one that misses nothing.

    Between batches the cache holds rows; a batch fetches each of its distinct rows that is not
    there once, however often it reads it.
    """

    cached_rows: NDArray[np.float64]
    """(P,): rows that the cache holds, rising from 0."""
    missed_rows: NDArray[np.float64]
    """(P,): distinct rows that a batch reads and the cache lacks; convex, falling to 0."""
    hit_rates: NDArray[np.float64]
    """(P,): share of a batch's accesses whose row is in the cache as the batch begins; concave."""

    def missed_rows_at(self, cached_rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distinct rows that a batch fetches past caches of that many rows; any shape."""
        missed: NDArray[np.float64] = np.interp(cached_rows, self.cached_rows, self.missed_rows)
        return missed

    def hit_rate_at(self, cached_rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of the accesses that caches of that many rows serve without a fetch; any shape."""
        rates: NDArray[np.float64] = np.interp(cached_rows, self.cached_rows, self.hit_rates)
        return rates
