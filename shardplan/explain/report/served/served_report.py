"""A plan for serving on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.report.report import Column, Grid, Report, Section
from shardplan.explain.report.served.latency_sections import latency_sections
from shardplan.explain.words import words
from shardplan.units import format_bytes

if TYPE_CHECKING:
    from shardplan.serving.file.placed_entry import PlacedEntry
    from shardplan.serving.file.served_plan import ServedPlan

_WHOLE = 100
"""From which on parts of one are not worth a digit."""
_MADE_OF = {
    "lookup": "the slowest device looks rows up and pools them",
    "gather": "outputs of the other devices are copied to the first and summed there",
    "dense": "the layers outside the tables, as the spec says",
}


def served_report(plan: ServedPlan, top: int) -> Report:
    """Head, service, latency, memory, and the ``top`` tables that take most memory."""
    sections = (
        _head(plan),
        _service(plan),
        *latency_sections(plan),
        _memory(plan),
        _tables(plan, top),
    )
    return Report(title_of(plan), sections)


def title_of(plan: ServedPlan) -> str:
    """What is served by what."""
    replicas = plan.replicas
    return (
        f"{plan.name}: {words.plural(len(plan.tables), 'table')} served by "
        f"{words.plural(replicas.count, 'replica')} of {words.plural(replicas.devices, 'device')} "
        f"({plan.inputs.topology.name}), costs by {plan.inputs.cost_model.name}"
    )


def amount(value: float) -> str:
    """``51,200``, ``167``, ``1.5``."""
    return f"{value:,.0f}" if value >= _WHOLE else f"{value:.3g}"


def replica_words(plan: ServedPlan) -> str:
    """How many replicas and why."""
    replicas = plan.replicas
    spare = f", {replicas.spare:,} of them spare" if replicas.spare else ""
    least = f"{replicas.count:,}{spare}; no plan does with fewer than {replicas.lower_bound:,}"
    if replicas.plan_lower_bound == replicas.lower_bound:
        return least
    return f"{least}, nor this one with fewer than {replicas.plan_lower_bound:,}"


def carried_load(plan: ServedPlan) -> float:
    """Queries per second at which workers are as busy as they may be, the spare replicas down."""
    replicas, limits = plan.replicas, plan.resolved["serving"]["replicas"]
    workers = (replicas.count - replicas.spare) * replicas.workers
    return float(workers * limits["busy_at_most"] / plan.prediction.query_work_seconds)


def _head(plan: ServedPlan) -> Section:
    claim, forecast = plan.optimality, plan.prediction
    batch = forecast.batch
    quality = plan.resolved["serving"].get("quality")
    rows = [
        (
            "batch",
            words.seconds(claim.objective_seconds),
            f"of {amount(batch.candidates)} candidates on one worker without waiting; queries in "
            f"it: {amount(batch.queries)}",
        ),
        (
            "lower bound",
            words.seconds(claim.lower_bound_seconds),
            "no choice among what is offered is faster",
        ),
        ("gap", words.gap(claim.gap), "how far above the bound the batch is at most"),
        ("status", claim.status.value, f"ended by {claim.termination}"),
        ("replicas", f"{plan.replicas.count:,}", replica_words(plan)),
        (
            "busy",
            words.percent(plan.replicas.utilisation),
            "of the time of all workers at the peak, while the spare replicas are down",
        ),
        (
            "load",
            f"{amount(carried_load(plan))}/s",
            "queries at which workers are as busy as they may be",
        ),
        (
            "quality loss",
            f"{forecast.quality_loss:g}",
            "summed over tables, in your own unit; "
            + (f"may be {quality['loss_at_most']:g}" if quality else "nothing limits it"),
        ),
    ]
    columns = (Column(""), Column(""), Column("", is_prose=True))
    return Section("Serving", grid=Grid(columns, tuple(rows)))


def _service(plan: ServedPlan) -> Section:
    forecast = plan.prediction
    rows = tuple(
        (
            part.name,
            words.seconds(part.seconds),
            words.percent(part.seconds / forecast.batch_seconds),
            _MADE_OF.get(part.name, ""),
        )
        for part in forecast.parts
    )
    columns = (
        Column("part"),
        Column("time", is_number=True),
        Column("of batch", is_number=True),
        Column("what goes on", is_prose=True, spare=1),
    )
    return Section("Service", "of a batch, one part after the other", Grid(columns, rows))


def _memory(plan: ServedPlan) -> Section:
    rows = tuple(
        (f"device {each.device}", format_bytes(each.hbm_bytes)) for each in plan.prediction.devices
    )
    columns = (Column("of each replica"), Column("hbm", is_number=True))
    ddr = plan.prediction.ddr_bytes
    remarks = (f"ddr of all devices together: {format_bytes(ddr)}",) if ddr else ()
    meaning = "rows as they are stored, buffers of all workers, the dense layers"
    return Section("Memory", meaning, Grid(columns, rows), remarks)


def _tables(plan: ServedPlan, top: int) -> Section:
    sized = sorted(plan.tables, key=_stored, reverse=True)
    rows = tuple(
        (
            entry.name,
            f"{entry.rows:,}",
            f"{entry.kept_rows or entry.rows:,}",
            f"{entry.cached_rows or 0:,}",
            f"{entry.dim}",
            entry.side.value,
            entry.dtype.value,
            f"{entry.row_bytes} B",
            f"{entry.quality_loss:g}",
            entry.sharding_type,
            entry.compute_kernel,
            ",".join(str(shard.device) for shard in entry.shards),
            format_bytes(_stored(entry)),
        )
        for entry in sized[:top]
    )
    columns = (
        Column("table", is_name=True),
        Column("rows", is_number=True),
        Column("stored", is_number=True, spare=4),
        Column("cached", is_number=True, spare=4),
        Column("dim", is_number=True),
        Column("side", spare=3),
        Column("dtype"),
        Column("row", is_number=True, spare=2),
        Column("loss", is_number=True, spare=1),
        Column("sharding"),
        Column("kernel"),
        Column("devices", is_list=True),
        Column("memory", is_number=True),
    )
    more = len(plan.tables) - len(rows)
    remarks = (f"and {more:,} more; --top shows more of them",) if more > 0 else ()
    return Section("Where each table went, the largest first", "", Grid(columns, rows), remarks)


def _stored(entry: PlacedEntry) -> int:
    return sum(shard.memory_bytes for shard in entry.shards)
