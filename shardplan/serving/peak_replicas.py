"""How many replicas the peak takes, limits of latency included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.latency.least_replicas import LeastReplicas, least_replicas
from shardplan.latency.query_latency import Claim, claim_of

if TYPE_CHECKING:
    from shardplan.serving.work import Work
    from shardplan.workload.serving.batch_seconds import BatchSeconds
    from shardplan.workload.serving.serving import Serving


def peak_replicas(serving: Serving, service: BatchSeconds, work: Work) -> LeastReplicas | None:
    """The fewest that are no busier than they may be and keep all limits, without spare ones.

    By work alone where there is no formula of latency, and where one that is never below the truth
    does not show that limits are kept by any number. None where more are needed than there may be.
    """
    fewest, limits = work.replicas(serving), serving.replicas
    most = limits.most - limits.spare
    if fewest > most:
        return None
    claim = claim_of(serving)
    if claim is None or not serving.limits:
        return LeastReplicas(fewest, fewest)
    found = least_replicas(serving, service, serving.load.peak_queries_per_second, fewest)
    if found is None and claim is Claim.NEVER_BELOW:
        return LeastReplicas(fewest, fewest)
    return found
