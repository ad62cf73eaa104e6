"""From a histogram of how often a batch touches its rows to a distribution over all rows."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from shardplan.workload.row_distribution import RowDistribution

if TYPE_CHECKING:
    from numpy.typing import NDArray

REFERENCE_BATCH = 65_536
"""Samples in the batch that a reuse histogram was taken from."""
_FEWEST_DRAWS = 1e-6
"""Accesses in the reference batch below which a histogram of them says nothing."""


def distribution(bins: tuple[float, ...], rows: int, pooling: float) -> RowDistribution:
    """The distribution that is expected to show ``bins`` in one batch of the reference size.

    A histogram of one batch cannot be read as rates: of the rows that were touched once, most were
    simply lucky. So a class that shows ``t`` touched rows of ``c`` touches each is taken as ``m``
    rows with ``r`` expected touches each, ``m * r = t * c`` (as many accesses) and
    ``m * (1 - exp(-r)) = t`` (as many distinct rows). For ``c = 1`` this has no solution but
    r -> 0: the rows touched once are a sample of all the rows that are left. By construction the
    reference batch gives the histogram's number of distinct rows (a little less where most of the
    table is touched), and smaller and larger batches follow from the rates.

    What one batch does not show are differences among the rows that it touches once or never: they
    are taken as alike. Of ids by Zipf's law with exponents of 0.8 to 1.2, known by such a histogram
    alone, hit rates are off by up to 9 percentage points where the batch touches more than a tenth
    of the rows. Where it touches fewer, hit rates of caches that reach into the others are too low,
    by up to 35 points where it touches a hundredth: too many misses are expected rather than too
    few. A ``cdf`` of more batches tells what one does not.
    """
    draws = REFERENCE_BATCH * pooling
    observed = np.asarray(bins, dtype=np.float64)
    if draws < _FEWEST_DRAWS or observed.sum() <= 0:
        return RowDistribution(np.array([float(rows)]), np.array([1.0 / rows]))
    hits = mean_hits(len(bins))
    shares = observed * hits / np.dot(observed, hits)
    touched = draws / hits * shares
    touched *= rows / max(float(touched.sum()), rows)

    population = touched.copy()
    population[1:] *= hits[1:] / _rates(len(bins))[1:]
    room = max(rows - touched[0], 0.0)
    population[1:] *= min(1.0, room / max(population[1:].sum(), 1e-300))
    population[0] = rows - population[1:].sum()
    return RowDistribution.of(population, shares)


@cache
def mean_hits(bins: int) -> NDArray[np.float64]:
    """Mean touches of a row of each bin.

    Within a bin, numbers of touches are taken to be as frequent as their power -1.5, which
    reproduces the published counts of unique rows (facebookresearch/dlrm_datasets, as carried by
    citz73/csharding) to about 1%; the open last bin is taken as 1.5 times its lower edge.
    """
    means = [1.0, 2.0]
    for i in range(2, bins - 1):
        hits = np.arange(2 ** (i - 1) + 1, 2**i + 1, dtype=np.float64)
        means.append(float((hits**-0.5).sum() / (hits**-1.5).sum()))
    means.append(1.5 * 2.0 ** (bins - 2))
    return np.array(means[:bins])


@cache
def _rates(bins: int) -> NDArray[np.float64]:
    """r of each bin with ``r / (1 - exp(-r)) = mean hits``; 0 for the first."""
    hits = mean_hits(bins)
    rates = hits.copy()
    for _ in range(64):  # a contraction by at most hits * exp(-rate) < 0.41 per round
        rates = hits * -np.expm1(-rates)
    rates[0] = 0.0
    return rates
