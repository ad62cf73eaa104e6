"""Latency of whole queries, as a model is served."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from shardplan.latency.batch_queue import BatchQueue
from shardplan.latency.forked_service import Fork, ForkedService
from shardplan.latency.queue import Queue
from shardplan.latency.rounding import Rounding
from shardplan.latency.service_mix import ServiceMix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.latency.lattice import Lattice
    from shardplan.workload.serving.batch_seconds import BatchSeconds
    from shardplan.workload.serving.serving import Serving


_MOST_CV2_OF_A_BATCH = 0.02
"""Squared coefficient of variation of the candidates of a full batch, up to which batches are taken
by how many queries they have: within 7% of simulations, against 25% at twice as much."""


class Claim(StrEnum):
    """What is claimed of a predicted percentile, if service is what the plan says."""

    EXACT = "exact"
    """But for the points of a lattice."""
    NEAR = "near"
    NEVER_BELOW = "never below"
    """The truth may be less."""


@dataclass(frozen=True, eq=False, slots=True)
class QueryLatency:
    """From arrival to answer, at one load."""

    lattice: Lattice | None
    """None where the queue grows without end."""
    utilisation: float
    """Of what workers can do."""
    claim: Claim

    def seconds(self, share: float) -> float:
        """Within which ``share`` of the queries is answered; infinite where queues grow."""
        return self.lattice.quantile(share) if self.lattice else inf


def why_unpredicted(serving: Serving) -> str:
    """Why there is no formula for how a model is served; empty where there is one."""
    batching = serving.batching
    if batching.max_samples is None:
        return ""
    if serving.replicas.workers > 1:
        return "batches of several workers of a replica"
    if batching.splits:
        return "batches of parts of queries"
    if batching.max_delay_seconds > 0:
        return "workers that wait for a batch to fill"
    if serving.load.arrivals_cv2 != 1:
        return "batches of arrivals that are no Poisson process"
    sizes = serving.sizes
    cv2 = sizes.mean_square / sizes.mean**2 - 1
    if cv2 > _MOST_CV2_OF_A_BATCH * _fitting(serving, batching.max_samples):
        return "batches of few queries whose sizes differ much"
    return ""


def claim_of(serving: Serving) -> Claim | None:
    """What is claimed of percentiles of a model served so; None where there is no formula."""
    if why_unpredicted(serving):
        return None
    if serving.batching.max_samples is not None:
        return Claim.NEAR
    if _is_forked(serving):
        return Claim.NEVER_BELOW
    is_exact = serving.load.arrivals_cv2 == 1 and serving.replicas.workers == 1
    return Claim.EXACT if is_exact else Claim.NEAR


def _is_forked(serving: Serving) -> bool:
    splits = serving.batching.splits
    return bool(splits) and serving.sizes.largest > splits[0]


def query_latency(
    serving: Serving,
    service: BatchSeconds,
    replicas: int,
    queries_per_second: float,
    rounding: Rounding = Rounding.NEAREST,
) -> QueryLatency | None:
    """With so many replicas up, to which queries are sent at random; None where there is no
    formula (``why_unpredicted``).

    ``rounding`` is of queues without batches or forks; those of forks are always rounded up.
    """
    claim = claim_of(serving)
    if claim is None:
        return None
    of_one = queries_per_second / replicas
    if serving.batching.max_samples is not None:
        batches = _batches(serving, service, of_one)
        return QueryLatency(batches.latency(), batches.utilisation, claim)
    cv2 = 1 + (serving.load.arrivals_cv2 - 1) / replicas
    if _is_forked(serving):
        return _forked(serving, service, of_one, cv2)
    sizes = serving.sizes
    mix = ServiceMix(_alone(service, sizes.sizes), sizes.shares, service.cv)
    queue = Queue(of_one, serving.replicas.workers, mix, cv2)
    return QueryLatency(queue.latency(rounding), queue.utilisation, claim)


def _alone(service: BatchSeconds, candidates: NDArray[np.int64]) -> NDArray[np.float64]:
    return service.seconds(np.ones(len(candidates)), candidates)


def _forked(
    serving: Serving, service: BatchSeconds, arrivals_per_second: float, cv2: float
) -> QueryLatency:
    """Workers in groups, each of which takes one query at a time."""
    most, workers = serving.batching.splits[0], serving.replicas.workers
    sizes, shares = serving.sizes.sizes, serving.sizes.shares
    parts = -(-sizes // most)
    last = _alone(service, sizes - (parts - 1) * most)
    forks = []
    for count in np.unique(parts).tolist():
        these = parts == count
        share = float(shares[these].sum())
        forks.append(Fork(share, count, ServiceMix(last[these], shares[these] / share, service.cv)))
    whole = ServiceMix(_alone(service, np.array([most])), np.ones(1), service.cv)
    group = min(workers, int(parts.max()))
    queue = Queue(
        arrivals_per_second, workers // group, ForkedService(tuple(forks), whole, group), cv2
    )
    return QueryLatency(queue.latency(Rounding.UP), queue.utilisation, Claim.NEVER_BELOW)


def _batches(serving: Serving, service: BatchSeconds, arrivals_per_second: float) -> BatchQueue:
    """Of queries of mean size, as many to a full batch as fit in the mean.

    How many more or fewer candidates a batch has adds to how services differ.
    """
    sizes, most = serving.sizes, serving.batching.max_samples
    assert most is not None, "the caller asks of batches"
    fit = _fitting(serving, most)
    limit = max(1, round(fit))
    queries = np.arange(1, limit + 1, dtype=np.float64)
    queries[-1] = max(1.0, fit)
    seconds = service.seconds(queries, queries * sizes.mean)
    seconds[-1] *= limit / queries[-1]
    spread = np.sqrt(np.maximum(sizes.mean_square - sizes.mean**2, 0.0) * queries)
    more = service.seconds(queries, queries * sizes.mean + spread)
    varied = (more - service.seconds(queries, queries * sizes.mean)) / seconds
    if limit > 1:  # A full batch has as many candidates as fit, whatever queries they are of.
        varied[-1] = 0.0
    cv = np.sqrt((1 + service.cv**2) * (1 + varied**2) - 1)
    return BatchQueue(arrivals_per_second, np.maximum.accumulate(seconds), cv)


def _fitting(serving: Serving, most: int) -> float:
    """Queries of a full batch in the mean, taken whole and in their order.

    The one that does not fit any more leaves room, half a query of those met by where a batch ends
    (renewal theory; exact where all are alike).
    """
    sizes = serving.sizes
    if len(sizes.sizes) == 1:
        return float(max(1, most // int(sizes.sizes[0])))
    mean = sizes.mean
    over = (sizes.mean_square / mean + 1) / 2
    return max(1.0, (most + over) / mean - 1)
