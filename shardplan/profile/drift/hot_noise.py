"""How much of a hot share is lost from one sample to the next where nothing has moved."""

from __future__ import annotations

from math import erf, sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.workload.row_distribution import RowDistribution

_HALVINGS = 60


def chance_loss(population: RowDistribution, hot: int, before: int, after: int) -> float:
    """Share of ``after`` accesses that the ``hot`` hottest rows by themselves draw, less the share
    that the hottest rows of ``before`` accesses to the same population draw of them; expected.

    Rows are chosen by counts, which are Poisson: those chosen by the same accesses that they are
    judged by look better than they are. The square root of a count is taken as normal with a
    standard deviation of a half (F. J. Anscombe, Biometrika 35, 1948), which is good where the
    least count of a hot row is 16 or more. The mean of chosen counts is exact:
    ``E[b; b >= t] = r * P(b >= t - 1)``.
    """
    counts = population.counts
    hot_rows = min(float(hot), counts.sum())
    rates_before = population.probabilities * before
    rates_after = population.probabilities * after
    own = _chosen(rates_after, _threshold(rates_after, counts, hot_rows) - 1)
    others = _chosen(rates_before, _threshold(rates_before, counts, hot_rows))
    return max(0.0, float(np.dot(counts * rates_after, own - others)) / after)


def _threshold(rates: NDArray[np.float64], counts: NDArray[np.float64], rows: float) -> float:
    """The count from which on so many rows are expected."""
    low, high = 0.0, 4.0 * float(rates.max()) + 100.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if np.dot(counts, _chosen(rates, middle)) > rows:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _chosen(rates: NDArray[np.float64], threshold: float) -> NDArray[np.float64]:
    """(C,): the chance of a count of at least so much."""
    away = 2 * (np.sqrt(rates) - sqrt(max(threshold, 0.0)))
    return np.array([0.5 * (1 + erf(each / sqrt(2))) for each in away.tolist()])
