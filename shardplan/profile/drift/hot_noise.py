"""How much of a hot share is lost from one sample to the next where nothing has moved."""

from __future__ import annotations

from math import erf, sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.workload.row_distribution import RowDistribution

_FEW = 64
"""Counts up to which chances are added up one by one."""


def chance_loss(population: RowDistribution, hot: int, before: int, after: int) -> float:
    """Share of ``after`` accesses that the ``hot`` hottest rows by themselves draw, less the share
    that the hottest rows of ``before`` accesses to the same population draw of them; expected.

    Rows are chosen by counts, which are Poisson: those chosen by the same accesses that they are
    judged by look better than they are. Of those whose count is the least that is chosen, some are.
    The mean of chosen counts is exact: ``E[b; b >= t] = r * P(b >= t - 1)``. Chances of counts from
    64 on are of the square root of a count, which is nearly normal with a standard deviation of a
    half (F. J. Anscombe, Biometrika 35, 1948).
    """
    counts = population.counts
    hot_rows = min(float(hot), counts.sum())
    rates_before = population.probabilities * before
    rates_after = population.probabilities * after
    by_after, share_after = _threshold(rates_after, counts, hot_rows)
    by_before, share_before = _threshold(rates_before, counts, hot_rows)
    own = _chosen(rates_after, by_after - 1, share_after)
    others = _chosen(rates_before, by_before, share_before)
    return max(0.0, float(np.dot(counts * rates_after, own - others)) / after)


def _threshold(
    rates: NDArray[np.float64], counts: NDArray[np.float64], rows: float
) -> tuple[int, float]:
    """The least count of as many rows, and which share of those that have it are among them."""
    low, high = 0, 4 * int(rates.max()) + 4 * _FEW
    while high - low > 1:  # more rows have at least ``low`` than are wanted, and fewer ``high``
        middle = (low + high) // 2
        if np.dot(counts, _at_least(rates, middle)) > rows:
            low = middle
        else:
            high = middle
    many, few = (float(np.dot(counts, _at_least(rates, each))) for each in (low, high))
    return low, (rows - few) / (many - few) if many > few else 1.0


def _chosen(rates: NDArray[np.float64], count: int, share: float) -> NDArray[np.float64]:
    """(C,): the chance of a larger count, or of this one and to be in that share of those."""
    more = _at_least(rates, count + 1)
    return more + share * (_at_least(rates, count) - more)


def _at_least(rates: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """(C,): the chance of so many reads or more."""
    if count <= 0:
        return np.ones_like(rates)
    if count > _FEW:
        away = 2 * (np.sqrt(rates + 1 / 8) - sqrt(count - 1 / 8))
        return np.array([0.5 * (1 + erf(each / sqrt(2))) for each in away.tolist()])
    chance = np.exp(-rates)
    fewer = chance.copy()
    for number in range(1, count):
        chance = chance * rates / number
        fewer += chance
    found: NDArray[np.float64] = np.maximum(1 - fewer, 0.0)
    return found
