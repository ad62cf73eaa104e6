"""A plan under load, simulated beside predicted, to be shown."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

from shardplan.explain.report.report import Column, Grid, Report, Section
from shardplan.explain.report.served.latency_sections import CLAIMS, then_words
from shardplan.explain.words import words
from shardplan.latency.headroom import headrooms
from shardplan.latency.query_latency import query_latency, why_unpredicted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.latency.headroom import Headroom
    from shardplan.latency.query_latency import QueryLatency
    from shardplan.serving.file.served_plan import ServedPlan
    from shardplan.simulation.percentile import Percentile
    from shardplan.simulation.simulate import Scenario, Simulated
    from shardplan.workload.serving.serving import Serving
    from shardplan.workload.serving.slo import LatencyLimit


@dataclass(frozen=True, eq=False)
class UnderLoad:
    """What the simulation found, and what formulas say of the same load."""

    plan: ServedPlan
    serving: Serving
    scenario: Scenario
    simulated: Simulated

    @property
    def broken(self) -> tuple[LatencyLimit, ...]:
        """Limits that the simulation passes."""
        found = {each.share: each.seconds for each in self.simulated.percentiles}
        return tuple(
            each for each in self.serving.limits if found.get(each.share, 0.0) > each.seconds
        )

    @property
    def predicted(self) -> QueryLatency | None:
        """Of the load that was simulated; None of a trace, and where there is no formula."""
        if self.scenario.trace is not None:
            return None
        rate = self.serving.load.peak_queries_per_second * self.scenario.load
        service = self.plan.prediction.service
        return query_latency(self.serving, service, self.simulated.replicas_up, rate)

    @cached_property
    def headroom(self) -> tuple[tuple[int, Headroom], ...]:
        """With 0 and 1 replicas down, the load that can be borne; as far as there is a formula."""
        count, service = self.plan.replicas.count, self.plan.prediction.service
        return tuple(
            (down, room)
            for down, room in enumerate(headrooms(self.serving, service, (count, count - 1)))
            if room is not None
        )


def simulated_report(under: UnderLoad) -> Report:
    """Percentiles, the load, and how much more there may be."""
    found, plan = under.simulated, under.plan
    title = (
        f"{plan.name}: {words.plural(found.queries, 'query').replace('querys', 'queries')} "
        f"simulated on {words.plural(found.replicas_up, 'replica')}"
    )
    return Report(title, (_latency(under), _load(under), *_headroom(under)))


def _latency(under: UnderLoad) -> Section:
    predicted = under.predicted
    limits = {limit.share: limit for limit in under.serving.limits}
    rows = tuple(
        (
            _name(each.share),
            words.seconds(each.seconds),
            f"± {words.seconds(each.half_width_seconds)}"
            if isfinite(each.half_width_seconds)
            else "too few queries",
            _predicted(predicted, each),
            words.seconds(limits[each.share].seconds) if each.share in limits else "",
            ("broken" if limits[each.share] in under.broken else "kept")
            if each.share in limits
            else "",
        )
        for each in under.simulated.percentiles
    )
    columns = (
        Column("percentile"),
        Column("simulated", is_number=True),
        Column("95% sure", is_number=True),
        Column("predicted", is_number=True),
        Column("limit", is_number=True),
        Column(""),
    )
    return Section(
        "Latency of queries",
        "from arrival to answer",
        Grid(columns, rows),
        (_remark(under, predicted),),
    )


def _remark(under: UnderLoad, predicted: QueryLatency | None) -> str:
    if predicted is not None:
        return CLAIMS[predicted.claim]
    if under.scenario.trace is not None:
        return "not predicted: of a trace"
    return f"not predicted: there is no formula for {why_unpredicted(under.serving)}"


def _predicted(latency: QueryLatency | None, each: Percentile) -> str:
    if latency is None:
        return ""
    seconds = latency.seconds(each.share)
    return words.seconds(seconds) if isfinite(seconds) else "grows"


def _name(share: float) -> str:
    from shardplan.workload.serving.slo import LatencyLimit

    return LatencyLimit(share, inf).name


def _load(under: UnderLoad) -> Section:
    found = under.simulated
    rows = (
        ("load", f"{found.queries_per_second:,.4g}/s", "queries that came, over all replicas"),
        ("busy", words.percent(found.utilisation), "of the time of all workers"),
        ("batch", f"{found.queries_of_a_batch:.3g}", "queries, or parts of them, in the mean"),
        ("mean", words.seconds(found.mean_seconds), "latency of queries"),
    )
    return Section("Load", grid=Grid((Column(""), Column(""), Column("", is_prose=True)), rows))


def _headroom(under: UnderLoad) -> Iterator[Section]:
    rows = []
    for down, room in under.headroom:
        first = room.breaks_first
        rows.append(
            (
                f"{down} down",
                f"{room.queries_per_second:,.4g}/s",
                then_words(first.name, first.seconds) if first else then_words(None, None),
            )
        )
    if rows:
        columns = (Column("replicas"), Column("load", is_number=True), Column("", is_prose=True))
        meaning = "the most queries per second under which all limits are kept, as predicted"
        yield Section("Headroom", meaning, Grid(columns, tuple(rows)))


def simulated_numbers(under: UnderLoad) -> dict[str, Any]:
    """As plain values; what is infinite is null."""
    latency = under.predicted
    value = asdict(under.simulated)
    for each in value["percentiles"]:
        seconds = latency.seconds(each["share"]) if latency else inf
        each["predicted_seconds"] = seconds if isfinite(seconds) else None
        if not isfinite(each["half_width_seconds"]):
            each["half_width_seconds"] = None
    value["predicted"] = latency.claim.value if latency else None
    value["broken"] = [limit.name for limit in under.broken]
    value["headroom"] = [
        {
            "down": down,
            "queries_per_second": room.queries_per_second,
            "breaks_first": room.breaks_first.name if room.breaks_first else None,
        }
        for down, room in under.headroom
    ]
    return value
