"""What an executor wants to know of a plan, with its geometry checked; needs no PyTorch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from shardplan.errors import PlanRefused
from shardplan.executor.planned.planned_table import PlannedCache, PlannedShard, PlannedTable
from shardplan.executor.planned.training_view import TrainingView, view_training

if TYPE_CHECKING:
    from shardplan.plan.file.plan import Plan, TableFacts
    from shardplan.plan.file.table_entry import CacheEntry, MemoryBytes, TableEntry


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan as the processes that run it see it."""

    name: str
    world_size: int
    local_world_size: int
    """Ranks per node."""
    tables: tuple[PlannedTable, ...]
    """In the plan file's order, which is that of the spec."""
    training: TrainingView
    predicted_bytes: tuple[MemoryBytes, ...] = ()
    """Of each rank, by tier; empty where nothing was predicted."""

    @property
    def modules(self) -> tuple[str, ...]:
        """Where the collections of tables sit in the model, by first appearance."""
        return tuple(dict.fromkeys(table.module for table in self.tables))

    def tables_of(self, module: str) -> tuple[PlannedTable, ...]:
        """The tables of one module, in the plan's order."""
        return tuple(table for table in self.tables if table.module == module)


def view_plan(plan: Plan) -> PlanView:
    """The plan as an executor sees it.

    Raises PlanRefused, naming every fault, where shards do not cover their tables exactly or are
    not what their sharding type means.
    """
    facts = {(table.module, table.name): table for table in plan.tables}
    entries = {(module, name): e for module, t in plan.plan.items() for name, e in t.items()}
    faults = [
        f"table {name} of module {module} is in the plan's {where} only"
        for module, name in facts.keys() ^ entries.keys()
        for where in ["plan" if (module, name) in entries else "tables"]
    ]
    if faults:
        raise PlanRefused(sorted(faults))
    skews = _skews(plan.resolved)
    tables = tuple(
        replace(_table(table, entries[key]), skew=skews.get(key, 1.0))
        for key, table in facts.items()
    )
    found = [fault for table in tables for fault in table.faults(plan.world)]
    if found:
        raise PlanRefused(found)
    return PlanView(
        name=plan.name,
        world_size=plan.world_size,
        local_world_size=plan.local_world_size,
        tables=tables,
        training=view_training(plan.resolved, plan.world_size),
        predicted_bytes=tuple(rank.memory_bytes for rank in plan.prediction.ranks),
    )


def _table(facts: TableFacts, entry: TableEntry) -> PlannedTable:
    return PlannedTable(
        name=facts.name,
        module=facts.module,
        rows=facts.rows,
        dim=facts.dim,
        dtype=facts.dtype.value,
        features=facts.features,
        sharding_type=entry.sharding_type,
        kernel=entry.compute_kernel,
        shards=tuple(
            PlannedShard(rank, *shard.shard_offsets, *shard.shard_sizes)
            for rank, shard in zip(entry.ranks, entry.shards, strict=False)
        ),
        ranks=entry.ranks,
        pooling=facts.pooling,
        cache=_cache(entry.cache),
    )


def _skews(resolved: dict[str, Any] | None) -> dict[tuple[str, str], float]:
    """Exponents of the tables that a resolved spec gives one, or calls uniform."""
    spec = resolved or {}
    default = spec.get("defaults", {})
    found: dict[tuple[str, str], float] = {}
    for table in spec.get("tables", ()):
        access = table.get("access", default.get("access"))
        key = (table.get("module", default.get("module", "sparse.ebc")), table["name"])
        if access == "uniform":
            found[key] = 0.0
        elif isinstance(access, dict) and "zipf" in access:
            found[key] = float(access["zipf"])
    return found


def _cache(entry: CacheEntry | None) -> PlannedCache | None:
    if entry is None:
        return None
    return PlannedCache(entry.load_factor, entry.ddr_load_factor or 0.0, entry.algorithm.value)
