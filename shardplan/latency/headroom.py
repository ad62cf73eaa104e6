"""How much load there may be, and which limit breaks first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.latency.query_latency import query_latency, why_unpredicted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.latency.query_latency import QueryLatency
    from shardplan.workload.serving.batch_seconds import BatchSeconds
    from shardplan.workload.serving.serving import Serving
    from shardplan.workload.serving.slo import LatencyLimit

_NARROW = 5e-3
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
    high = 1 / at_load(serving, service, replicas, 1.0).utilisation
    if not serving.limits:
        return Headroom(high, None)
    nearly_all = high * (1 - _NARROW)
    if is_kept(serving, at_load(serving, service, replicas, nearly_all)):
        return Headroom(nearly_all, None)
    hardly_any = high * _NARROW
    if not is_kept(serving, idle := at_load(serving, service, replicas, hardly_any)):
        return Headroom(0.0, broken(serving, idle))
    low = hardly_any
    while high - low > _NARROW * high:
        middle = (low + high) / 2
        latency = at_load(serving, service, replicas, middle)
        if is_kept(serving, latency):
            low = middle
        else:
            high = middle
    return Headroom(low, broken(serving, at_load(serving, service, replicas, high)))


def headrooms(
    serving: Serving, service: BatchSeconds, replicas: Sequence[int]
) -> tuple[Headroom | None, ...]:
    """Of several numbers of replicas; None too where there are none.

    What is spread at random of a Poisson process leaves a Poisson process to each replica, so that
    one replica tells of all.
    """
    if serving.load.arrivals_cv2 != 1:
        return tuple(headroom(serving, service, each) if each else None for each in replicas)
    of_one = headroom(serving, service, 1)
    return tuple(
        Headroom(of_one.queries_per_second * each, of_one.breaks_first) if of_one and each else None
        for each in replicas
    )


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
