"""How long a worker takes for one batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False, slots=True)
class Lanes:
    """What goes on side by side and ends with the slowest, such as lookups of several devices."""

    name: str
    """``lookup``, ``gather``, ``dense``."""
    coefficients: NDArray[np.float64]
    """(L, 3): of each lane seconds of a batch, of each query in it, and of each candidate."""

    def seconds(self, queries: ArrayLike, candidates: ArrayLike) -> NDArray[np.float64]:
        """Of the slowest lane; ``queries`` and ``candidates`` of batches, of one shape."""
        of_query = np.asarray(queries, dtype=np.float64)[..., None]
        of_candidate = np.asarray(candidates, dtype=np.float64)[..., None]
        base, per_query, per_candidate = self.coefficients.T
        slowest: NDArray[np.float64] = (
            base + per_query * of_query + per_candidate * of_candidate
        ).max(axis=-1)
        return slowest


@dataclass(frozen=True, eq=False, slots=True)
class BatchSeconds:
    """Service without waiting: one part after the other, each as long as its slowest lane.

    Rising and convex in both queries and candidates.
    """

    parts: tuple[Lanes, ...]
    cv: float = 0.0
    """Coefficient of variation of the seconds of batches alike."""

    def seconds(self, queries: ArrayLike, candidates: ArrayLike) -> NDArray[np.float64]:
        """In the mean, of batches of so many ``queries`` with so many ``candidates`` together."""
        shape = np.broadcast_shapes(np.shape(queries), np.shape(candidates))
        total: NDArray[np.float64] = sum(
            (part.seconds(queries, candidates) for part in self.parts), np.zeros(shape)
        )
        return total
