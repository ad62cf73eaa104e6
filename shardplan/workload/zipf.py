"""Zipf's law over the rows of a table, in few enough classes for a billion rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.workload.row_distribution import RowDistribution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_SINGLE_RANKS = 128
"""This many of the hottest rows form a class each."""
_WIDENING = 1.05
"""Each further class reaches this much further down the ranks; keeps unique rows within 0.02%."""
_TABLES_AT_ONCE = 2**12
"""That lie side by side in memory."""


def distribution(exponent: float, rows: int) -> RowDistribution:
    """Row ``k`` of ``rows``, k from 1, is read in proportion to ``k ** -exponent``."""
    return distributions(exponent, [rows])[0]


def distributions(exponent: float, rows: Sequence[int]) -> list[RowDistribution]:
    """The same of many tables; those of as many classes are worked out side by side."""
    number = np.array(rows, dtype=np.int64)
    wide = np.maximum(number / _SINGLE_RANKS, 1.0)
    steps = np.ceil(np.log(wide) / np.log(_WIDENING)).astype(np.int64)
    shape = np.where(steps > 0, _SINGLE_RANKS + steps, number)
    order = np.argsort(shape, kind="stable")
    found: list[RowDistribution | None] = [None] * len(number)
    for alike in np.split(order, np.flatnonzero(np.diff(shape[order])) + 1) if len(order) else ():
        for begin in range(0, len(alike), _TABLES_AT_ONCE):
            some = alike[begin : begin + _TABLES_AT_ONCE]
            edges = _edges(number[some], int(steps[some[0]]))
            weights = _power_sums(edges, exponent)
            shares = weights / weights.sum(axis=1)[:, None]
            counts = np.diff(edges, axis=1)
            for table, *classes in zip(some.tolist(), counts, shares, strict=True):
                found[table] = RowDistribution.of(*classes)
    return [each for each in found if each is not None]


def _edges(rows: NDArray[np.int64], steps: int) -> NDArray[np.float64]:
    """(n, C + 1): ranks (from 0) at which classes begin, and ``rows`` (n,).

    After the single ranks come ``steps`` classes, of which each begins as many times further down
    as the one before; without any, there is a class for each row.
    """
    if not steps:
        return np.tile(np.arange(int(rows[0]) + 1, dtype=np.float64), (len(rows), 1))
    single = np.arange(_SINGLE_RANKS, dtype=np.float64)
    low, high = np.log10(float(_SINGLE_RANKS)), np.log10(rows.astype(np.float64))[:, None]
    wide = 10.0 ** (np.arange(steps + 1) * ((high - low) / steps) + low)
    wide[:, 0], wide[:, -1] = _SINGLE_RANKS, rows
    return np.hstack([np.tile(single, (len(rows), 1)), np.rint(wide)])


def _power_sums(edges: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    """(n, C): ``sum(k ** -exponent)`` over the ranks of each class.

    Classes of one rank are exact; for the others the integral from half a rank before the first to
    half a rank past the last (the midpoint rule) is off by less than ``exponent ** 2 / 10 ** 5``.
    """
    first, last = edges[:, :-1] + 1, edges[:, 1:]
    low, high = first - 0.5, last + 0.5
    span = np.log(high / low)
    tilt = (1.0 - exponent) * span
    # (high**t - low**t) / t for t = 1 - exponent, also where t is 0.
    ratio = np.expm1(tilt) / tilt if exponent != 1.0 else 1.0
    sums: NDArray[np.float64] = low ** (1.0 - exponent) * span * ratio
    single = first == last
    sums[single] = first[single] ** -exponent
    return sums
