"""How much load there may be, and which limit breaks first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.latency.query_latency import query_latency, why_unpredicted

if TYPE_CHECKING:
    from shardplan.latency.query_latency import QueryLatency
    from shardplan.workload.serving.batch_seconds import BatchSeconds
    from shardplan.workload.serving.serving import Serving
    from shardplan.workload.serving.slo import LatencyLimit

_NARROW = 1e-3
"""Of the load at which a limit breaks."""


@dataclass(frozen=True, slots=True)
class Headroom:
    """The load up to which all limits are kept."""

    queries_per_second: float
    """0 where a limit is broken without any load."""
    breaks_first: LatencyLimit | None
    """None where workers cannot keep up before any limit is broken."""


def headroom(serving: Serving, service: BatchSeconds, replicas: int) -> Headroom | None:
    """With so many replicas up, by the formulas; None where there is none.

    Percentiles rise with the load, so that halving finds where they pass their limits.
    """
    if why_unpredicted(serving):
        return None
    low, high = 0.0, 1 / at_load(serving, service, replicas, 1.0).utilisation
    if not serving.limits:
        return Headroom(high, None)
    while high - low > _NARROW * high:
        middle = (low + high) / 2
        latency = at_load(serving, service, replicas, middle)
        if is_kept(serving, latency):
            low = middle
        else:
            high = middle
    return Headroom(low, broken(serving, at_load(serving, service, replicas, high)))


def at_load(
    serving: Serving, service: BatchSeconds, replicas: int, queries_per_second: float
) -> QueryLatency:
    """Where there is a formula."""
    latency = query_latency(serving, service, replicas, queries_per_second)
    assert latency is not None, "the caller asks whether there is a formula"
    return latency


def is_kept(serving: Serving, latency: QueryLatency) -> bool:
    """Whether workers keep up, and all limits are kept."""
    return latency.lattice is not None and broken(serving, latency) is None


def broken(serving: Serving, latency: QueryLatency) -> LatencyLimit | None:
    """The limit that is passed by most; None where none is, or queues grow without end."""
    if latency.lattice is None:
        return None
    passed = [latency.seconds(limit.share) / limit.seconds for limit in serving.limits]
    if not passed or max(passed) <= 1:
        return None
    return serving.limits[passed.index(max(passed))]
