"""Fitting so that errors count in proportion to what was measured, and outliers count little."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.calibrate.fit.nnls import nnls

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUNDS = 20
_SMALL_ERROR = 0.01
"""Relative errors below this are all alike; keeps weights finite."""


def relative_fit(columns: NDArray[np.float64], seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C,): non-negative coefficients with about the least mean of ``|predicted / measured - 1|``.

    Iteratively reweighted non-negative least squares (Holland and Welsch, 1977): the least sum of
    absolute relative errors, which a few disturbed measurements do not move.
    """
    weights = 1 / seconds
    coefficients = nnls(columns * weights[:, None], np.ones(len(seconds)))
    for _ in range(_ROUNDS):
        errors = np.abs(columns @ coefficients / seconds - 1)
        weights = 1 / seconds / np.sqrt(np.maximum(errors, _SMALL_ERROR))
        coefficients = nnls(columns * weights[:, None], seconds * weights)
    return coefficients
