"""The batches that a plan is made for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.workload.serving.serving import Serving


@dataclass(frozen=True, slots=True)
class BatchShape:
    """How many queries and candidates are served together."""

    queries: float
    candidates: float

    @classmethod
    def typical(cls, serving: Serving) -> BatchShape:
        """For which seconds are made least: no mix of batches of this load takes less in sum.

        Seconds are convex, and all their coefficients at least 0. So parts of queries take no less
        than as many of mean size, and queries that are put together no less than full batches, a
        part larger than ``max_samples`` being one for itself.
        """
        batching, sizes = serving.batching, serving.sizes
        if batching.max_samples is None:
            return cls(1.0, sizes.mean / float(sizes.shares @ parts_of(serving)))
        full = cls.largest(serving).candidates
        return cls(max(1.0, full / sizes.mean), full)

    @classmethod
    def largest(cls, serving: Serving) -> BatchShape:
        """For which there is to be memory."""
        batching, sizes = serving.batching, serving.sizes
        whole = min([sizes.largest, *batching.splits])
        if batching.max_samples is None:
            return cls(1.0, float(whole))
        most = max(whole, batching.max_samples)
        return cls(float(max(1, most // int(sizes.sizes[0]))), float(most))

    @property
    def per_query(self) -> float:
        """Batches of this shape for each query of whole ones."""
        return 1 / self.queries


def parts_of(serving: Serving) -> NDArray[np.float64]:
    """(K,): into how many parts queries of each size are cut."""
    sizes = serving.sizes.sizes
    if not serving.batching.splits:
        return np.ones(len(sizes))
    parts: NDArray[np.float64] = np.ceil(sizes / serving.batching.splits[0])
    return parts
