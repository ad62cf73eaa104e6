"""From measured times of a collective to its curve."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from shardplan.calibrate.fit.relative_fit import relative_fit
from shardplan.cost.profile.curves import Curve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

_MOST_SIZES = 16
_LEAST_SECONDS = 1e-7
"""Of the first point: a curve begins above 0."""


def fit_curve(mean_bytes: Values, largest_bytes: Values, seconds: Values) -> Curve:
    """The curve that never falls, and the rate of excess bytes, that predict ``seconds`` best.

    Per measurement: the mean buffer of the devices, and that of the busiest. The curve is straight
    between its knots: the measured sizes where they are few, else the powers of the root of two.
    Its start, its slopes and the rate of excess are found by non-negative least squares; without
    unequal buffers there is no rate of excess.
    """
    knots = _knots(mean_bytes)
    steps = [np.clip(mean_bytes - low, 0, high - low) for low, high in pairwise(knots)]
    excess = largest_bytes - mean_bytes
    columns = np.stack([np.ones(len(seconds)), *steps, excess], axis=1)
    start, *slopes, per_excess = relative_fit(columns, seconds).tolist()
    points = [(knots[0], max(start, _LEAST_SECONDS))]
    for (low, high), slope in zip(pairwise(knots), slopes, strict=True):
        points.append((high, points[-1][1] + slope * (high - low)))
    return Curve(tuple(points), per_excess if excess.any() and per_excess > 0 else None)


def _knots(sizes: Values) -> list[float]:
    distinct = np.unique(sizes)
    low, high = float(distinct[0]), float(distinct[-1])
    if low == high:
        return [low, 2 * low]
    if len(distinct) <= _MOST_SIZES:
        return [float(size) for size in distinct]
    first, last = int(np.floor(2 * np.log2(low))) + 1, int(np.ceil(2 * np.log2(high)))
    return [low, *(float(round(2 ** (power / 2))) for power in range(first, last)), high]
