"""Non-negative least squares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TOLERANCE = 1e-10


def nnls(columns: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C,): the ``x >= 0`` that minimises ``|columns @ x - values|``; columns are (M, C).

    The active-set method of Lawson and Hanson, "Solving Least Squares Problems", 1974, chapter 23,
    on columns scaled to length 1. A column of zeros gets 0.
    """
    lengths = np.linalg.norm(columns, axis=0)
    scale = np.where(lengths > 0, lengths, 1.0)
    products, targets = (columns / scale).T @ (columns / scale), (columns / scale).T @ values
    x = np.zeros(columns.shape[1])
    free = np.zeros(len(x), dtype=bool)
    for _ in range(3 * len(x) + 10):
        gain = np.where(free | (lengths == 0), -np.inf, targets - products @ x)
        if not len(x) or gain.max() <= _TOLERANCE * max(np.abs(targets).max(), 1e-300):
            break
        free[int(gain.argmax())] = True
        x = _restricted(products, targets, x, free)
    return x / scale


def _restricted(
    products: NDArray[np.float64],
    targets: NDArray[np.float64],
    x: NDArray[np.float64],
    free: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """The best non-negative x of the free columns; frees fewer where some would turn negative."""
    while True:
        best = np.zeros(len(x))
        best[free] = np.linalg.lstsq(products[np.ix_(free, free)], targets[free], rcond=None)[0]
        if (best[free] > 0).all():
            return best
        falling = free & (best <= 0)
        step = float((x[falling] / (x[falling] - best[falling])).min())
        x = x + step * (best - x)
        free &= x > _TOLERANCE * max(float(x.max()), 1e-300)
        x = np.where(free, x, 0.0)
        if not free.any():
            return x
