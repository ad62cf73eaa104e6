"""How far predictions are from what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Predictions of positive quantities held against measurements of them."""

    count: int
    mean_error: float
    """Mean of ``|predicted / measured - 1|`` (MAPE)."""
    bias: float
    """Mean of ``predicted / measured - 1``."""
    rank_correlation: float
    """Spearman's: 1 where predictions sort the measurements right, 0 with fewer than two."""

    @classmethod
    def of(cls, predicted: ArrayLike, measured: ArrayLike) -> Accuracy:
        """Compare two arrays of equal length, at least 1."""
        first, second = np.asarray(predicted, np.float64), np.asarray(measured, np.float64)
        error = first / second - 1
        return cls(
            count=len(error),
            mean_error=float(np.abs(error).mean()),
            bias=float(error.mean()),
            rank_correlation=spearman(first, second),
        )


def spearman(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Spearman's rank correlation; ties share their mean rank; 0 where one side is constant."""
    ranks, others = _ranks(first), _ranks(second)
    if min(ranks.std(), others.std()) == 0:
        return 0.0
    return float(np.corrcoef(ranks, others)[0, 1])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, where, count = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count - 1) / 2
    ranks: NDArray[np.float64] = middle[where]
    return ranks
