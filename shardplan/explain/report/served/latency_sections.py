"""Latency of queries under load, as a plan predicts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.report.report import Column, Grid, Section
from shardplan.explain.words import words
from shardplan.latency.query_latency import Claim

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.serving.file.latency_forecast import LoadForecast, PercentileForecast
    from shardplan.serving.file.served_plan import ServedPlan

CLAIMS = {
    Claim.EXACT: "predicted: exact for this queue",
    Claim.NEAR: "predicted: near, by formulas that are exact for simpler queues",
    Claim.NEVER_BELOW: "predicted: never below the truth; parts of queries may well end sooner",
}
_SIMULATE = "shardplan simulate serves queries by the plan"


def latency_sections(plan: ServedPlan) -> Iterator[Section]:
    """Percentiles at the peak, and how much more load there may be."""
    latency = plan.prediction.latency
    if latency.replicas:
        yield _percentiles(plan)
        yield _headroom(latency.replicas)
    elif plan.prediction.unqueued:
        yield _unqueued(plan)


def latency_lines(plan: ServedPlan) -> Iterator[str]:
    """A line for each limit: what is predicted with as many replicas down as are spare."""
    latency = plan.prediction.latency
    if not plan.prediction.unqueued:
        return
    if not latency.replicas:
        yield _no_formula(plan)
        return
    load = _as_planned(plan)
    down = f", {load.down:,} down" if load.down else ""
    for each in load.percentiles:
        if each.limit_seconds is not None:
            told = f"{each.percentile} {_seconds(each)} of {words.seconds(each.limit_seconds)}"
            yield f"{told} at the peak{down} ({latency.claim})"


def then_words(percentile: str | None, limit_seconds: float | None) -> str:
    """What happens beyond the headroom."""
    if percentile is None or limit_seconds is None:
        return "then workers cannot keep up"
    return f"then {percentile} passes {words.seconds(limit_seconds)}"


def _as_planned(plan: ServedPlan) -> LoadForecast:
    """With the spare replicas down: limits are to be kept so."""
    loads, spare = plan.prediction.latency.replicas, plan.replicas.spare
    return next((each for each in loads if each.down == spare), loads[-1])


def _no_formula(plan: ServedPlan) -> str:
    reason = plan.prediction.latency.unpredicted
    return (
        f"latency under load is not predicted, there is no formula for {reason}: a limit is only "
        f"held against queries that wait for nothing; {_SIMULATE}"
    )


def _seconds(each: PercentileForecast) -> str:
    return "grows" if each.seconds is None else words.seconds(each.seconds)


def _limit(each: PercentileForecast) -> str:
    return "" if each.limit_seconds is None else words.seconds(each.limit_seconds)


def _down(load: LoadForecast) -> str:
    return f"{load.down:,} down" if load.down else "all up"


def _percentiles(plan: ServedPlan) -> Section:
    latency = plan.prediction.latency
    loads = latency.replicas
    least = {each.percentile: each.seconds for each in plan.prediction.unqueued}
    rows = tuple(
        (
            same[0].percentile,
            _limit(same[0]),
            words.seconds(least[same[0].percentile]) if same[0].percentile in least else "",
            *(_seconds(each) for each in same),
        )
        for same in zip(*(load.percentiles for load in loads), strict=False)
    )
    columns = (
        Column("percentile"),
        Column("limit", is_number=True),
        Column("no wait", is_number=True, spare=1),
        *(Column(_down(load), is_number=True) for load in loads),
    )
    remarks = [CLAIMS[latency.claim]] if latency.claim else []
    late = [
        each.percentile
        for each in _as_planned(plan).percentiles
        if each.limit_seconds is not None
        and (each.seconds is None or each.seconds > each.limit_seconds)
    ]
    if late:
        remarks.append(f"not shown to be kept: {words.name_some(late)}; {_SIMULATE}")
    meaning = "from arrival to answer, at the peak; without waiting no less than told"
    return Section("Latency of queries", meaning, Grid(columns, rows), tuple(remarks))


def _headroom(loads: tuple[LoadForecast, ...]) -> Section:
    rows = tuple(
        (
            _down(load),
            words.percent(load.utilisation),
            f"{load.headroom.queries_per_second:,.4g}/s" if load.headroom else "",
            _then(load),
        )
        for load in loads
    )
    columns = (
        Column("replicas"),
        Column("busy", is_number=True),
        Column("load", is_number=True),
        Column("", is_prose=True),
    )
    if all(load.headroom for load in loads):
        meaning = "busy at the peak; the most queries per second under which all limits are kept"
        return Section("Headroom", meaning, Grid(columns, rows))
    busy = Grid(columns[:2], tuple(row[:2] for row in rows))
    remark = "of batches the plan does not tell at which load limits break; shardplan simulate does"
    return Section("Headroom", "busy at the peak", busy, (remark,))


def _then(load: LoadForecast) -> str:
    if load.headroom is None:
        return ""
    limits = {each.percentile: each.limit_seconds for each in load.percentiles}
    first = load.headroom.breaks_first
    return then_words(first, limits.get(first) if first else None)


def _unqueued(plan: ServedPlan) -> Section:
    rows = tuple(
        (each.percentile, words.seconds(each.limit_seconds), words.seconds(each.seconds))
        for each in plan.prediction.unqueued
    )
    columns = (
        Column("percentile"),
        Column("limit", is_number=True),
        Column("at least", is_number=True),
    )
    return Section("Latency of queries", grid=Grid(columns, rows), remarks=(_no_formula(plan),))
