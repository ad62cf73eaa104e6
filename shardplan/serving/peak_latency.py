"""Latency of queries at the peak, as the plan file has it."""

from __future__ import annotations

from math import inf, isfinite
from typing import TYPE_CHECKING

from shardplan.latency.headroom import at_load, headrooms
from shardplan.latency.query_latency import claim_of, why_unpredicted
from shardplan.plan.file.rounding import rounded
from shardplan.serving.file.latency_forecast import (
    HeadroomForecast,
    LatencyForecast,
    LoadForecast,
    PercentileForecast,
)
from shardplan.workload.serving.slo import LatencyLimit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.latency.headroom import Headroom
    from shardplan.latency.query_latency import QueryLatency
    from shardplan.serving.work import Work
    from shardplan.workload.serving.batch_seconds import BatchSeconds
    from shardplan.workload.serving.serving import Serving

_SHARES = (1 / 2, 0.95, 0.99)
"""Percentiles that are always told."""


def told_shares(serving: Serving) -> tuple[float, ...]:
    """Those that are told, the limits' own among them."""
    return tuple(sorted({*_SHARES, *(limit.share for limit in serving.limits)}))


def peak_latency(
    serving: Serving, service: BatchSeconds, work: Work, count: int
) -> LatencyForecast:
    """Of ``count`` replicas, spare ones included: with all of them up, with one down, and with as
    many down as are spare.

    Headroom is told of queries that are not put together: of batches each load that is tried is a
    Markov chain to solve.
    """
    claim = claim_of(serving)
    if claim is None:
        return LatencyForecast(claim=None, unpredicted=why_unpredicted(serving), replicas=())
    downs = [down for down in sorted({0, 1, serving.replicas.spare}) if down < count]
    rooms: Sequence[Headroom | None] = [None] * len(downs)
    if serving.batching.max_samples is None:
        rooms = headrooms(serving, service, [count - down for down in downs])
    rate = serving.load.peak_queries_per_second
    return LatencyForecast(
        claim=claim,
        replicas=tuple(
            LoadForecast(
                down=down,
                up=count - down,
                utilisation=rounded(work.utilisation(serving, count - down)),
                percentiles=tuple(
                    _percentiles(serving, at_load(serving, service, count - down, rate))
                ),
                **({} if room is None else {"headroom": _headroom(room)}),
            )
            for down, room in zip(downs, rooms, strict=True)
        ),
    )


def _headroom(room: Headroom) -> HeadroomForecast:
    first = room.breaks_first
    return HeadroomForecast(
        queries_per_second=rounded(room.queries_per_second),
        breaks_first=first.name if first else None,
    )


def _percentiles(serving: Serving, latency: QueryLatency) -> Iterator[PercentileForecast]:
    limits = {limit.share: limit.seconds for limit in serving.limits}
    for share in told_shares(serving):
        seconds = latency.seconds(share)
        told = rounded(seconds) if isfinite(seconds) else None
        name = LatencyLimit(share, inf).name
        if share in limits:
            yield PercentileForecast(percentile=name, seconds=told, limit_seconds=limits[share])
        else:
            yield PercentileForecast(percentile=name, seconds=told)
