"""Decisions and their prediction -> Plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import TypeAdapter

from shardplan.cost.cost_model import TIERS
from shardplan.options.dynamic_shares import PooledShares
from shardplan.plan.decision import options_of
from shardplan.plan.dynamic_entries import dynamic_entries
from shardplan.plan.file.forecast import ChargeForecast, Forecast, RankForecast, beside_of
from shardplan.plan.file.plan import Plan, format_of
from shardplan.plan.file.provenance import Inputs
from shardplan.plan.file.rounding import all_whole_bytes, rounded, whole_bytes
from shardplan.plan.file.table_entry import (
    CacheEntry,
    MemoryBytes,
    TableEntry,
    placement_of,
)
from shardplan.plan.file.table_facts import ModuleFacts, TableFacts
from shardplan.plan.file.training_facts import ReplicaFacts, TrainingFacts
from shardplan.workload.training import CacheAlgorithm

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Self

    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.plan.file.optimality import Optimality
    from shardplan.plan.file.provenance import RunInfo, SolverInfo
    from shardplan.plan.file.table_entry import DynamicEntry
    from shardplan.plan.predict import Prediction
    from shardplan.sharding.geometry import Shard

    Size = tuple[int, int]
    """Rows and columns of a shard."""
    _Bytes = dict[str, int]
    """By tier."""

_ENTRIES = TypeAdapter(list[TableEntry])


@dataclass(frozen=True, slots=True)
class Alike:
    """What all plans of a case say alike."""

    inputs: Inputs
    tables: tuple[TableFacts, ...]
    modules: dict[str, ModuleFacts]
    """Those that are no plain bags."""
    training: TrainingFacts
    replicas: ReplicaFacts | None

    @classmethod
    def of(cls, case: Case) -> Self:
        """Of the plans of a case."""
        return cls(
            Inputs.of(case.resolved),
            TableFacts.of_all(case.workload.tables),
            ModuleFacts.of_all(case.workload.tables),
            TrainingFacts.of(case.workload, case.topology.world_size, case.cost_model.reduction),
            ReplicaFacts.of(case.topology, case.workload.training.replica_sync),
        )


def build_plan(
    case: Case,
    decisions: Sequence[Decision],
    prediction: Prediction,
    optimality: Optimality,
    solver: SolverInfo,
    run: RunInfo,
    alike: Alike | None = None,
) -> Plan:
    """The plan file's content, with tables in the spec's order and modules by first appearance.

    ``alike`` spares those who make several plans of the case to work it out each time.

    Raises ValueError unless there is exactly one decision per table.
    """
    ordered = sorted(decisions, key=lambda decision: decision.table)
    tables = case.workload.tables
    if [decision.table for decision in ordered] != list(range(len(tables))):
        raise ValueError("a plan needs exactly one decision for each table")
    modules: dict[str, dict[str, TableEntry]] = {}
    world = case.topology.world
    pieces = [d.shards(table, world) for table, d in zip(tables, ordered, strict=True)]
    memory = _shard_memory(case, ordered, pieces)
    pooled = PooledShares.of(case.workload, world)
    dynamic = dynamic_entries({decision.table: decision for decision in ordered}, pooled)
    # Read at once, which takes a fraction of the time.
    entries = _ENTRIES.validate_python(
        [
            _entry(case, *each, dynamic.get(each[0].table))
            for each in zip(ordered, pieces, memory, strict=True)
        ]
    )
    for table, entry in zip(tables, entries, strict=True):
        modules.setdefault(table.module, {})[table.name] = entry
    alike = alike or Alike.of(case)
    # A key that is left out is not written.
    stated: dict[str, Any] = {"modules": alike.modules} if alike.modules else {}
    stated |= {"replicas": alike.replicas} if alike.replicas else {}
    return Plan(
        format_version=format_of(alike.modules, alike.replicas),
        name=case.workload.name,
        world_size=case.topology.world_size,
        local_world_size=case.topology.devices_per_node,
        plan=modules,
        prediction=_forecast(case, prediction),
        optimality=optimality,
        inputs=alike.inputs,
        solver=solver,
        tables=alike.tables,
        **stated,
        training=alike.training,
        resolved=case.resolved,
        run=run,
    )


def _shard_memory(
    case: Case, decisions: Sequence[Decision], pieces: Sequence[tuple[Shard, ...]]
) -> list[dict[Size, _Bytes]]:
    """For each table, what a shard of each of its sizes takes."""
    of_table = [list(dict.fromkeys((each.rows, each.columns) for each in cut)) for cut in pieces]
    tables = [table for table, sizes in enumerate(of_table) for _ in sizes]
    rows, columns = np.array([s for sizes in of_table for s in sizes], np.int64).reshape(-1, 2).T
    options = options_of([decisions[table] for table in tables])
    held = case.cost_model.shard_bytes(options, rows, columns)
    memory = iter(all_whole_bytes(held))
    return [
        {size: dict(zip(TIERS, next(memory), strict=True)) for size in sizes} for sizes in of_table
    ]


def _entry(
    case: Case,
    decision: Decision,
    pieces: Sequence[Shard],
    memory: dict[Size, _Bytes],
    dynamic: DynamicEntry | None,
) -> dict[str, Any]:
    """What ``TableEntry`` is made of."""
    entry: dict[str, Any] = {
        "sharding_type": decision.sharding,
        "compute_kernel": decision.kernel,
    }
    if decision.replicated_rows:
        entry["replicated_rows"] = decision.replicated_rows
    if decision.sharding.is_replicated:
        return entry | {"ranks": tuple(range(case.topology.world_size))}
    entry["ranks"] = tuple(piece.rank for piece in pieces)
    each = case.topology.devices_per_node
    entry["shards"] = tuple(
        {
            "shard_offsets": (piece.row_offset, piece.column_offset),
            "shard_sizes": (piece.rows, piece.columns),
            "placement": placement_of(piece.rank, each),
            "memory_bytes": memory[piece.rows, piece.columns],
        }
        for piece in pieces
    )
    if dynamic is not None:
        return entry | {"dynamic": dynamic}
    cache = _cache(decision, case.workload.training.cache_algorithm)
    return entry | {"cache": cache} if cache else entry


def _cache(decision: Decision, algorithm: CacheAlgorithm) -> CacheEntry | None:
    if decision.load_factor is None:
        return None
    if not decision.kernel.is_on_ssd:
        return CacheEntry(algorithm=algorithm, load_factor=decision.load_factor)
    return CacheEntry(
        algorithm=CacheAlgorithm.LRU,
        load_factor=decision.load_factor,
        ddr_load_factor=decision.ddr_load_factor,
    )


def _forecast(case: Case, prediction: Prediction) -> Forecast:
    parts = prediction.dense.phase_seconds
    forecast = _forecast_of_step(case, prediction)
    if not parts:
        return forecast
    rounded_parts = {name: rounded(seconds) for name, seconds in parts.items()}
    return forecast.model_copy(update={"dense_phases": rounded_parts})


def _forecast_of_step(case: Case, prediction: Prediction) -> Forecast:
    names = [phase.name for phase in prediction.phases]
    forecast = Forecast(
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
    # A key that is left out is not written: plans without charges, or chains, stay as they were.
    added = {
        "beside": beside_of(prediction.phases),
        "charges": charge_forecasts(prediction),
    }
    return forecast.model_copy(update={key: value for key, value in added.items() if value})


def charge_forecasts(prediction: Prediction) -> tuple[ChargeForecast, ...]:
    """What is paid for each group, phases that it adds nothing to left out."""
    names = [phase.name for phase in prediction.phases]
    return tuple(
        ChargeForecast(
            group=group,
            phases={name: value for name, value in _by_name(names, seconds).items() if value},
        )
        for group, seconds in zip(prediction.charges.names, prediction.charges.seconds, strict=True)
    )


def _by_name(names: Sequence[str], seconds: NDArray[np.float64]) -> dict[str, float]:
    return {name: rounded(float(value)) for name, value in zip(names, seconds, strict=True)}


def _memory(tiers: Iterable[float]) -> MemoryBytes:
    hbm, ddr, ssd = (whole_bytes(float(tier)) for tier in tiers)
    return MemoryBytes(hbm=hbm, ddr=ddr, ssd=ssd)
