"""A cache that drops the row not read for longest, in its steady state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.workload.caching.miss_curve import MissCurve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.workload.row_distribution import RowDistribution

_SURE = np.log(1e4)
"""Rows that fewer than one of 10,000 batches go without are alike: those that came first stay."""
_LEAST_ADMISSION = 1e-6
"""At fewer admissions, caches hold next to nothing but rows that every batch reads."""
_ADMISSIONS = 64
_WIDENING = 1.12
"""Each further point reaches this much further back; keeps misses within 0.2%."""
_LONGEST_MEMORY = 2.0**40
"""Batches; no training goes on for longer."""
_FORGOTTEN = 40.0
"""A row is in a cache that remembers this many times its mean time between reads."""


def lru_curve(distribution: RowDistribution, draws: float) -> MissCurve:
    """The misses of a least-recently-used cache over batches of ``draws`` accesses.

    ``t = 1 - (1 - p) ** draws`` is the chance that a batch touches a given row. A cache with room
    for what the last T batches touched holds the row with chance ``h = 1 - (1 - t) ** T``: Che's
    approximation (Che, Tung and Wang, "Hierarchical Web caching systems", 2002; why it is so good:
    Fricker, Robert and Roberts, "A versatile and accurate approximation for LRU cache
    performance", 2012), with batches for accesses. It has ``k = sum(count * h)`` rows, and
    misses ``sum(count * t * (1 - h))`` distinct rows per batch. Rows of the batch that T just cuts
    off stay or go by chance, so that sizes between whole T lie on straight lines.

    A cache smaller than one batch keeps the rows that are touched again and has room for a share a
    of the others that are touched; what finds no room is read past it. Then
    ``h = t * (h + (1 - h) * a)``, and a = 1 is T = 1, with the same slope.

    Both a and T let in rows the more evenly the larger they are: the slope, the mean of -t weighted
    by what each row gains, rises with either (Chebyshev's sum inequality). So misses are convex.

    Batches of one access give the classical cache: its hit rate per access is ``hit_rates``.
    """
    counts, probabilities = distribution.counts, distribution.probabilities
    total = float(counts.sum())
    if draws <= 0 or not probabilities.any():
        return MissCurve(np.array([0.0, total]), np.zeros(2), np.array([0.0, 1.0]))
    rates, touched = distribution.rates(draws), distribution.touched(draws)
    accesses = counts * probabilities
    sure = np.minimum(rates, _SURE)
    held = np.concatenate([_held_of_one_batch(sure), _held_of_batches(sure)])
    missed = (counts * touched).sum() - held @ (counts * touched)
    return MissCurve(
        cached_rows=np.concatenate([[0.0], held @ counts, [counts[rates > 0].sum()]]),
        missed_rows=np.concatenate([[(counts * touched).sum()], np.maximum(missed, 0.0), [0.0]]),
        hit_rates=np.concatenate([[0.0], held @ accesses / accesses.sum(), [1.0]]),
    )


def _held_of_one_batch(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """(A, C): the chance of a row to be in a cache smaller than a batch, by its admissions."""
    admissions = np.geomspace(_LEAST_ADMISSION, 1.0, _ADMISSIONS, endpoint=False)
    admitted = np.outer(admissions, -np.expm1(-rates))
    held: NDArray[np.float64] = admitted / (np.exp(-rates) + admitted)
    return held


def _held_of_batches(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, C): the chance of a row to be in a cache that remembers that many whole batches."""
    seldom = max(float(rates[rates > 0].min()), _FORGOTTEN / _LONGEST_MEMORY)
    longest = max(_FORGOTTEN / seldom, 1.0)
    points = 2 + int(np.log(longest) / np.log(_WIDENING))
    batches = np.unique(np.rint(np.geomspace(1.0, longest, points)))
    held: NDArray[np.float64] = -np.expm1(-np.outer(batches, rates))
    return held
