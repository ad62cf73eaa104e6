"""A distribution over rows as a curve of a few points, such as a spec has room for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.workload.access import Cdf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.workload.row_distribution import RowDistribution

MOST_POINTS = 24
_BATCHES = 4.0 ** np.arange(1, 15)
"""Accesses at which the curve is to give the right number of distinct rows: 4 to 268 million."""
_NEAR, _FAR = 100.0, 4.0
"""Batches up to so many times larger or smaller than a step's are near; errors of others may be so
many times as large."""
_ALIKE = 1.01
"""Classes whose rows are read as often as each other but for this factor are one to begin with."""
_DIGITS = 12
"""Of shares of accesses; borders are kept to the last bit, since one that lies beside a whole row
gives the next class a part of it, which is much where the row is hot."""


def cdf_of(
    distribution: RowDistribution, rows: int, batch: float, most_points: int = MOST_POINTS
) -> Cdf:
    """The curve with at most so many points that tells distinct rows of batches best.

    Classes of rows are joined, neighbour with neighbour, always the two whose joining leaves the
    smallest error of distinct rows over batches of 4 to 268 million accesses, of which those near
    ``batch`` count four times as much. Joined rows are taken as read alike, which makes distinct
    rows more and never fewer. The points are at whole rows, and none is steeper than the one
    before, as a spec demands.
    """
    counts, shares = _whole_classes(distribution, rows)
    while len(counts) > most_points:
        counts, shares = _joined(counts, shares, batch, most_points)
    return Cdf(_points(counts, shares))


def _whole_classes(
    distribution: RowDistribution, rows: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(C,): whole rows of each class and their share of the accesses, rows read alike in one."""
    read = distribution.counts * distribution.probabilities
    ends = np.rint(np.cumsum(distribution.counts) * (rows / distribution.counts.sum()))
    with np.errstate(divide="ignore"):
        level = np.floor(np.log(distribution.probabilities) / np.log(_ALIKE))
    is_last = np.append(np.diff(level) != 0, True)
    ends, shares = ends[is_last], np.cumsum(read)[is_last]
    # Of ends at the same row the last one counts; ends at row 0 have no row.
    is_last = np.append(np.diff(ends) > 0, True) & (ends > 0)
    ends, shares = ends[is_last], shares[is_last] / shares[-1]
    return np.diff(ends, prepend=0.0), np.diff(shares, prepend=0.0)


def _joined(
    counts: NDArray[np.float64], shares: NDArray[np.float64], batch: float, most: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """At most ``most`` classes, by joining two at a time."""
    touched = _touched(counts, shares)
    whole = touched.sum(axis=0)
    is_near = np.abs(np.log(_BATCHES / max(batch, 1.0))) <= np.log(_NEAR)
    whole[~is_near] *= _FAR
    missed = np.zeros(len(_BATCHES))
    added = _added(counts, shares, touched, np.arange(len(counts) - 1))
    while len(counts) > most:
        at = int(((missed + added) / whole).max(axis=1).argmin())
        missed += added[at]
        counts, shares = _sum_at(counts, at), _sum_at(shares, at)
        touched = np.delete(touched, at + 1, axis=0)
        touched[at] = _touched(counts[at : at + 1], shares[at : at + 1])[0]
        added = np.delete(added, at, axis=0)
        near = np.array([i for i in (at - 1, at) if 0 <= i < len(counts) - 1], dtype=np.int64)
        added[near] = _added(counts, shares, touched, near)
    return counts, shares


def _added(
    counts: NDArray[np.float64],
    shares: NDArray[np.float64],
    touched: NDArray[np.float64],
    at: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(n, B): distinct rows too many where the classes ``at`` are joined with the next."""
    both = _touched(counts[at] + counts[at + 1], shares[at] + shares[at + 1])
    found: NDArray[np.float64] = both - touched[at] - touched[at + 1]
    return found


def _touched(counts: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C, B): distinct rows of each class in batches."""
    chance = np.minimum(shares / counts, 1.0)
    with np.errstate(divide="ignore"):
        log_unread = np.log1p(-chance)
    found: NDArray[np.float64] = counts[:, None] * -np.expm1(log_unread[:, None] * _BATCHES)
    return found


def _sum_at(values: NDArray[np.float64], at: int) -> NDArray[np.float64]:
    summed = np.delete(values, at + 1)
    summed[at] += values[at + 1]
    return summed


def _points(
    counts: NDArray[np.float64], shares: NDArray[np.float64]
) -> tuple[tuple[float, float], ...]:
    """Accesses rounded, each above and right of the one before, on slopes that fall."""
    across = (np.cumsum(counts) / counts.sum()).tolist()  # at whole rows, to the last bit
    up = np.round(np.minimum(np.cumsum(shares), 1.0), _DIGITS).tolist()
    kept = [(0.0, 0.0)]
    for point in [*zip(across[:-1], up[:-1], strict=True), (1.0, 1.0)]:
        if point[0] <= kept[-1][0]:
            continue
        while len(kept) > 1 and _slope(kept[-1], point) > _slope(kept[-2], kept[-1]):
            kept.pop()
        kept.append(point)
    return tuple(kept[1:])


def _slope(before: tuple[float, float], after: tuple[float, float]) -> float:
    return (after[1] - before[1]) / (after[0] - before[0])
