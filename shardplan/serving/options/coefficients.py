"""Seconds of a batch by what each query and candidate in it adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shardplan.serving.batch_shape import BatchShape

BATCH, QUERY, CANDIDATE = 0, 1, 2
"""Columns of coefficients: seconds of a batch, of each query in it, of each candidate."""


def at(coefficients: NDArray[np.float64], batch: BatchShape) -> NDArray[np.float64]:
    """(..): seconds of a batch by (.., 3) coefficients."""
    seconds: NDArray[np.float64] = (
        coefficients[..., BATCH]
        + coefficients[..., QUERY] * batch.queries
        + coefficients[..., CANDIDATE] * batch.candidates
    )
    return seconds
