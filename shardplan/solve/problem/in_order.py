"""Sums whose order is fixed, so that whoever adds up the same numbers comes to the same bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def sum_in_order(values: NDArray[Any], axis: int) -> NDArray[Any]:
    """The sum along an axis, from first to last."""
    if not values.shape[axis]:
        nothing: NDArray[Any] = values.sum(axis=axis)
        return nothing
    found: NDArray[Any] = np.add.accumulate(values, axis=axis).take(-1, axis=axis)
    return found
