"""Decisions and their prediction -> Plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.options.geometry import shards
from shardplan.options.kernel import KERNELS
from shardplan.options.sharding_type import ShardingType
from shardplan.plan.forecast import Forecast, RankForecast
from shardplan.plan.plan import FORMAT_VERSION, Plan, TableFacts
from shardplan.plan.rounding import rounded, whole_bytes
from shardplan.plan.table_entry import (
    CacheEntry,
    MemoryBytes,
    ShardEntry,
    TableEntry,
    placement_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.plan.optimality import Optimality
    from shardplan.plan.predict import Prediction
    from shardplan.plan.provenance import RunInfo, SolverInfo
    from shardplan.workload.table import Table


def build_plan(
    case: Case,
    decisions: Sequence[Decision],
    prediction: Prediction,
    optimality: Optimality,
    solver: SolverInfo,
    run: RunInfo,
) -> Plan:
    """The plan file's content, with tables in the spec's order and modules by first appearance.

    Raises ValueError unless there is exactly one decision per table.
    """
    ordered = sorted(decisions, key=lambda decision: decision.table)
    tables = case.workload.tables
    if [decision.table for decision in ordered] != list(range(len(tables))):
        raise ValueError("a plan needs exactly one decision for each table")
    modules: dict[str, dict[str, TableEntry]] = {}
    for table, decision in zip(tables, ordered, strict=True):
        modules.setdefault(table.module, {})[table.name] = _entry(case, table, decision)
    return Plan(
        format_version=FORMAT_VERSION,
        name=case.workload.name,
        world_size=case.topology.world_size,
        local_world_size=case.topology.devices_per_node,
        plan=modules,
        prediction=_forecast(case, prediction),
        optimality=optimality,
        inputs=case.inputs,
        solver=solver,
        tables=tuple(_facts(table) for table in tables),
        resolved=case.resolved,
        run=run,
    )


def _entry(case: Case, table: Table, decision: Decision) -> TableEntry:
    if decision.sharding is ShardingType.DATA_PARALLEL:
        return TableEntry(
            sharding_type=decision.sharding,
            compute_kernel=decision.kernel,
            ranks=tuple(range(case.topology.world_size)),
        )
    placed = _shards(case, table, decision)
    entry = TableEntry(
        sharding_type=decision.sharding,
        compute_kernel=decision.kernel,
        ranks=tuple(rank for rank, _ in placed),
        shards=tuple(shard for _, shard in placed),
    )
    if decision.load_factor is None:
        return entry
    return entry.model_copy(update={"cache": CacheEntry(load_factor=decision.load_factor)})


def _shards(case: Case, table: Table, decision: Decision) -> list[tuple[int, ShardEntry]]:
    """Each shard with its rank."""
    each = case.topology.devices_per_node
    pieces = shards(
        decision.sharding, table.rows, table.dim, decision.column_shards,
        case.topology.world_size, each, decision.targets,
    )  # fmt: skip
    memory = {
        size: _shard_memory(case, decision, *size)
        for size in dict.fromkeys((piece.rows, piece.columns) for piece in pieces)
    }
    return [
        (
            piece.rank,
            ShardEntry(
                shard_offsets=(piece.row_offset, piece.column_offset),
                shard_sizes=(piece.rows, piece.columns),
                placement=placement_of(piece.rank, each),
                memory_bytes=memory[piece.rows, piece.columns],
            ),
        )
        for piece in pieces
    ]


def _shard_memory(case: Case, decision: Decision, rows: int, columns: int) -> MemoryBytes:
    if not rows or not columns:
        return MemoryBytes(hbm=0, ddr=0, ssd=0)
    kernel = KERNELS.index(decision.kernel)
    return _memory(case.cost_model.weight_bytes(decision.table, rows, columns, kernel))


def _forecast(case: Case, prediction: Prediction) -> Forecast:
    names = [phase.name for phase in prediction.phases]
    return Forecast(
        step_seconds=rounded(prediction.step_seconds),
        balance_seconds=rounded(prediction.balance_seconds),
        dense_seconds=rounded(prediction.dense_seconds),
        phases=_by_name(names, prediction.phase_seconds),
        overlapped=tuple(phase.name for phase in prediction.phases if phase.overlapped),
        reserve_bytes=_memory(case.capacity.reserve_bytes),
        ranks=tuple(
            RankForecast(rank=rank, phases=_by_name(names, seconds), memory_bytes=_memory(memory))
            for rank, (seconds, memory) in enumerate(
                zip(prediction.rank_seconds, prediction.rank_memory_bytes, strict=True)
            )
        ),
    )


def _facts(table: Table) -> TableFacts:
    return TableFacts(
        name=table.name,
        module=table.module,
        rows=table.rows,
        dim=table.dim,
        dtype=table.dtype,
        features=table.features,
        pooling=rounded(table.pooling),
    )


def _by_name(names: Sequence[str], seconds: NDArray[np.float64]) -> dict[str, float]:
    return {name: rounded(float(value)) for name, value in zip(names, seconds, strict=True)}


def _memory(tiers: Iterable[float]) -> MemoryBytes:
    hbm, ddr, ssd = (whole_bytes(float(tier)) for tier in tiers)
    return MemoryBytes(hbm=hbm, ddr=ddr, ssd=ssd)
