"""Row distributions of many tables side by side: the sums of ``RowDistribution``, all at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.workload.row_distribution import RowDistribution


@dataclass(frozen=True, eq=False, slots=True)
class StackedRows:
    """n distributions of C classes each, and how many accesses each is read with."""

    counts: NDArray[np.float64]
    """(n, C): rows in each class."""
    probabilities: NDArray[np.float64]
    """(n, C): the chance that one access reads one given row of the class."""
    draws: NDArray[np.float64]
    """(n,): accesses."""

    @classmethod
    def of(
        cls, distributions: Sequence[RowDistribution], draws: NDArray[np.float64]
    ) -> StackedRows:
        """From distributions of as many classes each."""
        return cls(
            np.stack([each.counts for each in distributions]),
            np.stack([each.probabilities for each in distributions]),
            draws,
        )

    def unique_rows(self) -> NDArray[np.float64]:
        """(n,): distinct rows that the accesses are expected to touch; see ``RowDistribution``."""
        touched = self._touched()
        summed = [np.dot(*pair) for pair in zip(self.counts, touched, strict=True)]
        return np.where(self.draws > 0, np.minimum(self.draws, summed), 0.0)

    def fetches(
        self, member: NDArray[np.int64], cached_rows: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(O,): of all accesses to ``member[o]`` those that a cache of ``cached_rows[o]`` misses;
        see ``RowDistribution``."""
        touched = _before(self.counts * self._touched())
        read = _before(self.counts * self.probabilities)
        all_touched, all_read = touched[member, -1], read[member, -1]
        hits = _interpolated(cached_rows, touched, read, member)
        draws = self.draws[member]
        share = np.divide(hits, all_read, out=np.zeros_like(hits), where=all_read > 0)
        missed = np.minimum(cached_rows, all_touched) + draws * (1 - share)
        return np.where(draws > 0, np.minimum(missed, draws), 0.0)

    def _touched(self) -> NDArray[np.float64]:
        """(n, C): the chance that the accesses touch one given row of the class."""
        draws = self.draws[:, None]
        with np.errstate(divide="ignore"):  # a row that is always read: log(0), and is touched
            once = np.where(draws < 1, -draws * self.probabilities, -self.probabilities)
            rates = -np.log1p(once) * np.where(draws < 1, 1.0, draws)
        touched: NDArray[np.float64] = -np.expm1(-rates)
        return touched


def _before(of_class: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, C + 1): the sums over the classes before each, and over all."""
    summed = np.zeros((len(of_class), of_class.shape[1] + 1))
    np.cumsum(of_class, axis=1, out=summed[:, 1:])
    return summed


def _interpolated(
    x: NDArray[np.float64],
    known: NDArray[np.float64],
    values: NDArray[np.float64],
    row: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(O,): ``numpy.interp`` of x[o] in the row ``row[o]`` of ``known`` and ``values`` (n, K)."""
    low, high = np.zeros(len(x), dtype=np.int64), np.full(len(x), known.shape[1])
    while (high - low > 1).any():  # known[low] <= x < known[high]
        middle = (low + high) // 2
        reaches = known[row, middle] <= x
        low, high = np.where(reaches, middle, low), np.where(reaches, high, middle)
    following = np.minimum(low + 1, known.shape[1] - 1)
    rise, run = (each[row, following] - each[row, low] for each in (values, known))
    past = x - known[row, low]
    slope = np.divide(rise, run, out=np.zeros_like(x), where=run > 0)
    found: NDArray[np.float64] = slope * past + values[row, low]
    return found
