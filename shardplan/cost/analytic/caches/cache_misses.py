"""What caches of a table's rows miss, as straight lines between the load factors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from shardplan.options.load_factors import LOAD_FACTORS
from shardplan.workload.caching.hot_set import hot_set_curve
from shardplan.workload.caching.lru import lru_curve
from shardplan.workload.training import CacheAlgorithm

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.workload.row_distribution import RowDistribution

_SHARES = np.array([0.0, *LOAD_FACTORS, 1.0])


@dataclass(frozen=True, eq=False, slots=True)
class CacheMisses:
    """Of T tables, each read once per batch; the steady state of their caches.

    A least-frequently-used cache that counts all reads ends with the rows that are read most.

    Between load factors the exact curve is replaced by a straight line, so that a mix of two sizes
    costs exactly the mix of what they cost. Curves are worked out when first asked for.
    """

    distributions: tuple[RowDistribution, ...]
    """(T,): how likely each row is to be read."""
    draws: NDArray[np.float64]
    """(T,): accesses per batch."""
    algorithm: CacheAlgorithm = CacheAlgorithm.LRU
    _known: dict[tuple[int, float], NDArray[np.float64]] = field(default_factory=dict)

    def missed_rows(
        self, table: NDArray[np.int32], share: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(O,): distinct rows per batch that a cache of this share of a table's rows lacks."""
        return self._at(table, share, 0)

    def hit_rates(
        self, table: NDArray[np.int32], share: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(O,): share of the accesses whose row the cache holds when the batch begins."""
        return self._at(table, share, 1)

    def _at(
        self, table: NDArray[np.int32], share: NDArray[np.float64], quantity: int
    ) -> NDArray[np.float64]:
        wanted, row = np.unique(table, return_inverse=True)
        curves = np.array([self._curves(index)[quantity] for index in wanted.tolist()])
        before = np.searchsorted(_SHARES, share, side="right") - 1
        before = before.clip(0, len(_SHARES) - 2)
        part = (share - _SHARES[before]) / (_SHARES[before + 1] - _SHARES[before])
        found: NDArray[np.float64] = (1 - part) * curves.reshape(-1, len(_SHARES))[row, before]
        found += part * curves.reshape(-1, len(_SHARES))[row, before + 1]
        return found

    def _curves(self, table: int) -> NDArray[np.float64]:
        """(2, load factors and both ends): missed rows and hit rates; tables alike share them."""
        rows, draws = self.distributions[table], float(self.draws[table])
        if (id(rows), draws) not in self._known:
            is_lfu = self.algorithm is CacheAlgorithm.LFU
            curve = (hot_set_curve if is_lfu else lru_curve)(rows, draws)
            cached = _SHARES * rows.counts.sum()
            found = np.array([curve.missed_rows_at(cached), curve.hit_rate_at(cached)])
            # The last rows are read so seldom that rounding decides; a whole table misses nothing.
            found[:, -1] = 0.0, 1.0
            self._known[id(rows), draws] = found
        return self._known[id(rows), draws]
