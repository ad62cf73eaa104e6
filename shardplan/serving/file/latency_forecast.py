"""The plan file's latency of queries under load."""

from shardplan.latency.query_latency import Claim
from shardplan.plan.file.plan_model import Count, PlanModel, Positive, Seconds


class PercentileForecast(PlanModel):
    """Within which a share of the queries is answered, at the peak."""

    percentile: str
    seconds: Seconds | None
    """From arrival to answer; null where queues grow without end."""
    limit_seconds: Seconds | None = None
    """Only where the spec has one."""


class HeadroomForecast(PlanModel):
    """The load up to which all limits are kept."""

    queries_per_second: Seconds
    """Of all replicas together; 0 where a limit is broken without any load."""
    breaks_first: str | None
    """The percentile; null where workers cannot keep up before."""


class LoadForecast(PlanModel):
    """With some replicas down."""

    down: Count
    up: Positive
    utilisation: Seconds
    """Share of the time that workers are busy."""
    percentiles: tuple[PercentileForecast, ...]
    headroom: HeadroomForecast | None = None
    """Only of queries that are not put together."""


class LatencyForecast(PlanModel):
    """By the formulas of queues, from seconds of service."""

    claim: Claim | None
    """Of the percentiles, if service is what the plan says; null where there is no formula."""
    unpredicted: str | None = None
    """What there is no formula for; only then."""
    replicas: tuple[LoadForecast, ...]
    """With none, one, and as many as are spare down; empty where there is no formula."""
