"""From what was decided to the plan."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING

from shardplan.plan.file.optimality import gap_of
from shardplan.plan.file.provenance import Inputs, RunInfo, SolverInfo
from shardplan.plan.file.rounding import rounded, rounded_down, whole_bytes
from shardplan.serving.batch_shape import BatchShape
from shardplan.serving.file.placed_entry import PlacedEntry, ServedShard
from shardplan.serving.file.served_forecast import (
    BatchFacts,
    DeviceForecast,
    LaneForecast,
    PartForecast,
    ReplicaForecast,
    ServedForecast,
    UnqueuedForecast,
)
from shardplan.serving.file.served_plan import JOB, SERVED_FORMAT, ServedOptimality, ServedPlan
from shardplan.serving.peak_latency import peak_latency
from shardplan.serving.work import Unqueued, Work
from shardplan.sharding.geometry import column_blocks, row_blocks
from shardplan.surroundings import creation_time
from shardplan.version import __version__
from shardplan.workload.serving.stored_format import RowLayout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.latency.least_replicas import LeastReplicas
    from shardplan.serving.options.placed_table import PlacedTable
    from shardplan.serving.predict import Predicted
    from shardplan.serving.served_case import ServedCase
    from shardplan.solve.settings import Settings
    from shardplan.workload.serving.batch_seconds import Lanes
    from shardplan.workload.table import Table


def build_plan(
    case: ServedCase,
    placed: Sequence[PlacedTable],
    predicted: Predicted,
    least: LeastReplicas,
    optimality: ServedOptimality,
    settings: Settings,
    elapsed_seconds: float,
) -> ServedPlan:
    """With all numbers rounded as the plan file has them; ``least`` replicas serve the peak."""
    resolved = case.resolved
    seconds = optimality.objective_seconds
    bound = rounded_down(optimality.lower_bound_seconds)
    replicas = replica_forecast(case, predicted, least, bound)
    return ServedPlan(
        format_version=SERVED_FORMAT,
        job=JOB,
        name=case.serving.name,
        tables=tuple(placed_entry(case, each) for each in placed),
        replicas=replicas,
        prediction=served_forecast(case, predicted, replicas.count),
        optimality=ServedOptimality(
            objective_seconds=rounded(seconds),
            lower_bound_seconds=bound,
            gap=gap_of(rounded(seconds), bound),
            status=optimality.status,
            termination=optimality.termination,
        ),
        inputs=Inputs.of(resolved),
        solver=SolverInfo(
            method="milp",
            seed=settings.seed,
            gap=settings.gap,
            node_limit=settings.node_limit,
            shardplan_version=__version__,
            highs_version=_highs_version(),
        ),
        resolved=resolved,
        run=RunInfo(
            generated_at=creation_time().isoformat(timespec="seconds"),
            elapsed_seconds=elapsed_seconds,
        ),
    )


def _highs_version() -> str | None:
    try:
        return importlib.metadata.version("highspy")
    except importlib.metadata.PackageNotFoundError:
        return None


def placed_entry(case: ServedCase, placed: PlacedTable) -> PlacedEntry:
    """Of one table."""
    served = case.serving.tables[placed.table]
    table, layout = served.table, RowLayout.of(case.kind)
    pruned = placed.pruned
    cached = {} if placed.cached_rows is None else {"cached_rows": placed.cached_rows}
    return PlacedEntry(
        name=table.name,
        module=table.module,
        rows=table.rows,
        dim=table.dim,
        side=served.side,
        dtype=placed.form,
        row_bytes=placed.form.row_bytes(placed.shard_columns(table), layout),
        quality_loss=rounded(served.losses[placed.form] + (pruned.loss if pruned else 0.0)),
        **({} if pruned is None else {"kept_rows": pruned.kept}),
        sharding_type=placed.way.sharding.name,
        compute_kernel=placed.kernel,
        **cached,
        shards=tuple(_shards(placed, table, layout)),
    )


def _shards(placed: PlacedTable, table: Table, layout: RowLayout) -> Iterator[ServedShard]:
    way = placed.way
    rows = row_blocks(placed.rows(table), way.shards if way.cuts_rows else 1)
    columns = column_blocks(table.dim, 1 if way.cuts_rows else way.shards)
    blocks = [(row, column) for column in columns for row in rows]
    for device, ((row, height), (column, width)) in zip(way.devices, blocks, strict=True):
        yield ServedShard(
            device=device,
            shard_offsets=(row, column),
            shard_sizes=(height, width),
            memory_bytes=placed.form.table_bytes(height, width, layout),
        )


def served_forecast(case: ServedCase, predicted: Predicted, replicas: int) -> ServedForecast:
    """What the plan costs, with so many replicas, spare ones included."""
    serving, service = case.serving, predicted.service
    batch = BatchShape.typical(serving)
    seconds = float(service.seconds(batch.queries, batch.candidates))
    work = Work.of(serving, service, seconds)
    return ServedForecast(
        batch=BatchFacts(queries=rounded(batch.queries), candidates=rounded(batch.candidates)),
        batch_seconds=rounded(seconds),
        parts=tuple(_part(part, batch) for part in service.parts),
        service_cv=service.cv,
        query_work_seconds=rounded(work.per_query_seconds),
        unqueued=tuple(
            UnqueuedForecast(
                percentile=limit.name,
                seconds=rounded(Unqueued.of(serving, service, limit.share).seconds),
                limit_seconds=limit.seconds,
            )
            for limit in serving.limits
        ),
        latency=peak_latency(serving, service, work, replicas),
        quality_loss=rounded(predicted.quality_loss),
        devices=tuple(
            DeviceForecast(device=device, hbm_bytes=whole_bytes(size))
            for device, size in enumerate(predicted.hbm_bytes.tolist())
        ),
        ddr_bytes=whole_bytes(predicted.ddr_bytes),
    )


def replica_forecast(
    case: ServedCase, predicted: Predicted, least: LeastReplicas, bound_seconds: float
) -> ReplicaForecast:
    """``least`` are those that serve the peak; ``bound_seconds`` are of the typical batch."""
    serving, limits = case.serving, case.serving.replicas
    work = Work.of(serving, predicted.service, bound_seconds)
    return ReplicaForecast(
        count=least.count + limits.spare,
        spare=limits.spare,
        workers=limits.workers,
        devices=case.replica.devices,
        utilisation=rounded(work.utilisation(serving, least.count)),
        lower_bound=work.least_replicas(serving) + limits.spare,
        plan_lower_bound=least.at_least + limits.spare,
    )


def _part(part: Lanes, batch: BatchShape) -> PartForecast:
    return PartForecast(
        name=part.name,
        seconds=rounded(float(part.seconds(batch.queries, batch.candidates))),
        lanes=tuple(
            LaneForecast(
                base_seconds=rounded(base),
                seconds_per_query=rounded(per_query),
                seconds_per_candidate=rounded(per_candidate),
            )
            for base, per_query, per_candidate in part.coefficients.tolist()
        ),
    )
