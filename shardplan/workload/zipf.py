"""Zipf's law over the rows of a table, in few enough classes for a billion rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.workload.row_distribution import RowDistribution

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SINGLE_RANKS = 128
"""This many of the hottest rows form a class each."""
_WIDENING = 1.05
"""Each further class reaches this much further down the ranks; keeps unique rows within 0.02%."""


def distribution(exponent: float, rows: int) -> RowDistribution:
    """Row ``k`` of ``rows``, k from 1, is read in proportion to ``k ** -exponent``."""
    edges = _edges(rows)
    weights = _power_sums(edges, exponent)
    return RowDistribution.of(np.diff(edges), weights / weights.sum())


def _edges(rows: int) -> NDArray[np.float64]:
    """Ranks (from 0) at which classes begin, and ``rows``."""
    single = np.arange(min(rows, _SINGLE_RANKS), dtype=np.float64)
    if rows <= _SINGLE_RANKS:
        return np.append(single, rows)
    steps = int(np.ceil(np.log(rows / _SINGLE_RANKS) / np.log(_WIDENING)))
    wide = np.rint(_geometric(_SINGLE_RANKS, rows, steps))
    edges = np.concatenate([single, wide])
    is_new = np.append(True, edges[1:] > edges[:-1])
    found: NDArray[np.float64] = edges[is_new]
    return found


def _geometric(first: int, last: int, steps: int) -> NDArray[np.float64]:
    """(steps + 1,): from first to last, each as many times the one before; many times faster than
    ``numpy.geomspace``."""
    low, high = np.log10(float(first)), np.log10(float(last))
    found: NDArray[np.float64] = 10.0 ** (np.arange(steps + 1) * ((high - low) / steps) + low)
    found[0], found[-1] = first, last
    return found


def _power_sums(edges: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    """``sum(k ** -exponent)`` over the ranks of each class.

    Classes of one rank are exact; for the others the integral from half a rank before the first to
    half a rank past the last (the midpoint rule) is off by less than ``exponent ** 2 / 10 ** 5``.
    """
    first, last = edges[:-1] + 1, edges[1:]
    low, high = first - 0.5, last + 0.5
    span = np.log(high / low)
    tilt = (1.0 - exponent) * span
    # (high**t - low**t) / t for t = 1 - exponent, also where t is 0.
    ratio = np.expm1(tilt) / tilt if exponent != 1.0 else 1.0
    sums: NDArray[np.float64] = low ** (1.0 - exponent) * span * ratio
    single = first == last
    sums[single] = first[single] ** -exponent
    return sums
