"""Whether hot ids are small ones: how the rows of a table lie, from sums over its ids."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, sqrt
from typing import TYPE_CHECKING

import numpy as np

from shardplan.workload.row_order import RowOrder

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST_IDS = 64
"""Below which a correlation says nothing."""
_BY_FREQUENCY = -0.3
"""Correlation from which on down ids count as numbered by frequency: dictionaries show -0.74 to
-0.87, hashes 0 within 0.015 of 2,000 rows and more."""
_ERRORS = 3.0


@dataclass(frozen=True, slots=True)
class OrderSums:
    """Sums over the distinct ids of a table, with ``log2`` of how often each was read.

    An engine adds them up; ids may be scaled or shifted, which no correlation sees.
    """

    ids: int
    """How many."""
    id_sum: float
    id_squares: float
    log_sum: float
    log_squares: float
    products: float

    @classmethod
    def of(cls, ids: NDArray[np.int64], counts: NDArray[np.int64]) -> OrderSums:
        """From all distinct ids and how often each was read."""
        at, log = ids.astype(np.float64), np.log2(counts.astype(np.float64))
        return cls(
            len(ids),
            float(at.sum()),
            float(np.dot(at, at)),
            float(log.sum()),
            float(np.dot(log, log)),
            float(np.dot(at, log)),
        )

    @property
    def correlation(self) -> float | None:
        """Pearson's, of an id and the logarithm of its reads; None where one of them is alike."""
        n = max(self.ids, 1)
        across = self.id_squares - self.id_sum**2 / n
        up = self.log_squares - self.log_sum**2 / n
        if across <= 0 or up <= 0:
            return None
        found = (self.products - self.id_sum * self.log_sum / n) / sqrt(across * up)
        return found if isfinite(found) else None


def row_order_of(sums: OrderSums) -> RowOrder | None:
    """How rows lie; None where too few ids tell, or what they tell is neither.

    A correlation below -0.3 is an order by frequency; hashed is one that chance gives, within three
    standard errors (``1 / sqrt(n)``) or 0.1.
    """
    found = sums.correlation
    if sums.ids < FEWEST_IDS or found is None:
        return None
    if found < _BY_FREQUENCY:
        return RowOrder.BY_FREQUENCY
    by_chance = max(0.1, _ERRORS / sqrt(sums.ids))
    return RowOrder.HASHED if abs(found) <= by_chance else None
