"""How busy queries keep workers, and how many replicas that takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.serving.batch_shape import BatchShape, parts_of

if TYPE_CHECKING:
    from shardplan.workload.serving.batch_seconds import BatchSeconds
    from shardplan.workload.serving.serving import Serving


@dataclass(frozen=True, slots=True)
class Work:
    """Seconds of a worker."""

    per_query_seconds: float
    """In the mean; of queries that are put together, in full batches."""
    least_per_query_seconds: float
    """No plan takes less, if none serves a typical batch faster than the bound."""

    @classmethod
    def of(cls, serving: Serving, service: BatchSeconds, bound_seconds: float) -> Work:
        """Of a plan; ``bound_seconds`` are of the typical batch."""
        typical = BatchShape.typical(serving)
        if serving.batching.max_samples is not None:
            mean = float(service.seconds(typical.queries, typical.candidates)) / typical.queries
            return cls(mean, bound_seconds / typical.queries)
        parts = parts_of(serving)
        shares, sizes = serving.sizes.shares, serving.sizes.sizes
        most = serving.batching.splits[0] if serving.batching.splits else serving.sizes.largest
        last = sizes - (parts - 1) * most
        whole = (parts - 1) * service.seconds(np.ones(len(sizes)), np.full(len(sizes), most))
        mean = float(shares @ (whole + service.seconds(np.ones(len(sizes)), last)))
        return cls(mean, bound_seconds * float(shares @ parts))

    def replicas(self, serving: Serving) -> int:
        """The fewest that are no busier than they may be at the peak, without spare ones."""
        return _replicas(serving, self.per_query_seconds)

    def least_replicas(self, serving: Serving) -> int:
        """The fewest of any plan, without spare ones."""
        return _replicas(serving, self.least_per_query_seconds)

    def utilisation(self, serving: Serving, replicas: int) -> float:
        """Share of the time that workers of so many replicas are busy at the peak."""
        busy = serving.load.peak_queries_per_second * self.per_query_seconds
        return busy / (replicas * serving.replicas.workers)


def _replicas(serving: Serving, per_query_seconds: float) -> int:
    limits = serving.replicas
    busy = serving.load.peak_queries_per_second * per_query_seconds
    return max(1, math.ceil(busy / (limits.workers * limits.busy_at_most)))


@dataclass(frozen=True, slots=True)
class Unqueued:
    """A percentile of latency is no less than this, however few queries come."""

    candidates: float
    """Of the largest part of the queries by which it is proven."""
    share: float
    """Of what such a part takes alone in the mean."""
    seconds: float

    @classmethod
    def of(cls, serving: Serving, service: BatchSeconds, share: float) -> Unqueued:
        """The percentile ``share``, by the queries that prove most.

        A query takes at least its largest part alone. Of a share f of the queries that part is
        smaller than some size; the others end before ``mean - k * deviation`` of it with a chance
        of at most ``1 / (1 + k**2)`` (Cantelli), so that ``k**2 = (1 - p) / (p - f)`` bounds the
        percentile p whatever the distribution of the service is.
        """
        sizes = serving.sizes
        smaller = np.concatenate([[0.0], np.cumsum(sizes.shares)[:-1]])
        told = smaller < share * (1 - _ROUNDING)
        deviations = np.sqrt((1 - share) / (share - smaller[told]))
        shares = np.maximum(0.0, 1 - service.cv * deviations)
        parts = np.array([min([size, *serving.batching.splits]) for size in sizes.sizes[told]])
        seconds = shares * service.seconds(np.ones(len(parts)), parts)
        best = int(seconds.argmax())
        return cls(float(parts[best]), float(shares[best]), float(seconds[best]))


_ROUNDING = 1e-12
