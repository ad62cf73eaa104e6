"""What an executor wants to know of a plan, with its geometry checked; needs no PyTorch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shardplan.errors import PlanRefused
from shardplan.executor.planned.carried import carried_faults
from shardplan.executor.planned.dynamic import DYNAMIC_HINT, dynamic_faults
from shardplan.executor.planned.geometry import geometry_faults
from shardplan.executor.planned.planned_table import PlannedShard, PlannedTable
from shardplan.plan.stated import accesses_of, carried_tables, training_of
from shardplan.workload.row_order import RowOrder

if TYPE_CHECKING:
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.file.table_entry import MemoryBytes, TableEntry
    from shardplan.plan.file.table_facts import TableFacts
    from shardplan.plan.file.training_facts import TrainingFacts
    from shardplan.workload.access import Access
    from shardplan.workload.collection import Collection
    from shardplan.workload.table import Table


_GROUPS = (
    "replicas: it is the plan of each of {} groups of devices, which no engine here keeps alike; "
    "TorchRec's DMPCollection does (shardplan.executor.torchrec.group_arguments), or solve without "
    "training.replicas"
)


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan as the processes that run it see it."""

    name: str
    world_size: int
    local_world_size: int
    """Ranks per node."""
    tables: tuple[PlannedTable, ...]
    """In the plan file's order, which is that of the spec."""
    training: TrainingFacts
    predicted_bytes: tuple[MemoryBytes, ...] = ()
    """Of each rank, by tier; empty where nothing was predicted."""

    @property
    def modules(self) -> tuple[str, ...]:
        """Where the collections of tables sit in the model, by first appearance."""
        return tuple(dict.fromkeys(table.module for table in self.tables))

    @property
    def readers(self) -> dict[str, tuple[PlannedTable, ...]]:
        """The tables that read each feature, both in the plan's order."""
        found: dict[str, list[PlannedTable]] = {}
        for table in self.tables:
            for feature in table.features:
                found.setdefault(feature, []).append(table)
        return {feature: tuple(tables) for feature, tables in found.items()}

    @property
    def counts_weights(self) -> bool:
        """Whether ids of a batch have weights, of which some table asks for any."""
        return any(table.is_weighted for table in self.tables)

    def is_weighted(self, module: str) -> bool:
        """Whether rows of a module count by the weights of their ids."""
        return any(table.is_weighted for table in self.tables_of(module))

    def collection_of(self, module: str) -> Collection:
        """What kind of module it is."""
        return next(table.collection for table in self.tables if table.module == module)

    def tables_of(self, module: str) -> tuple[PlannedTable, ...]:
        """The tables of one module, in the plan's order."""
        return tuple(table for table in self.tables if table.module == module)


def view_plan(plan: Plan) -> PlanView:
    """The plan as an executor sees it.

    Raises PlanRefused, naming every fault, where shards do not cover their tables exactly or are
    not what their sharding type means, where the spec that it carries is not the one it was made
    from or says otherwise than the plan itself, where tables are dynamic or several groups of
    devices hold all of them, or where an old plan carries none that says how it is trained.
    """
    if plan.replicas:
        raise PlanRefused([_GROUPS.format(plan.replicas.groups)])
    changed = [f"{where}: {message}" for where, message in carried_faults(plan)]
    if changed:
        raise PlanRefused(changed)
    dynamic = [f"{where}: {message}; {DYNAMIC_HINT}" for where, message in dynamic_faults(plan)]
    if dynamic:
        raise PlanRefused(dynamic)
    facts = {(table.module, table.name): table for table in plan.tables}
    entries = {(module, name): e for module, t in plan.plan.items() for name, e in t.items()}
    faults = [
        f"table {name} of module {module} is in the plan's {where} only"
        for module, name in facts.keys() ^ entries.keys()
        for where in ["plan" if (module, name) in entries else "tables"]
    ]
    if faults:
        raise PlanRefused(sorted(faults))
    found = [f"{fault.where}: {fault.message}" for fault in geometry_faults(plan)]
    if found:
        raise PlanRefused(found)
    training, accesses = training_of(plan), accesses_of(plan)
    if training is None or facts.keys() - accesses.keys():
        raise PlanRefused(["it does not say how its tables are trained, and how ids hit them"])
    carried = carried_tables(plan)
    tables = tuple(
        replace(
            _table(fact, entries[key], accesses[key], carried.get(key)),
            collection=plan.collection_of(fact.module),
        )
        for key, fact in facts.items()
    )
    return PlanView(
        name=plan.name,
        world_size=plan.world_size,
        local_world_size=plan.local_world_size,
        tables=tables,
        training=training,
        predicted_bytes=tuple(rank.memory_bytes for rank in plan.prediction.ranks),
    )


def _table(
    facts: TableFacts, entry: TableEntry, access: Access, carried: Table | None
) -> PlannedTable:
    """``carried`` is the table of the spec inside the plan, of which older plans state less."""
    counts_weights = carried is not None and carried.counts_weights
    return PlannedTable(
        name=facts.name,
        module=facts.module,
        rows=facts.rows,
        dim=facts.dim,
        dtype=facts.dtype,
        features=facts.features,
        sharding_type=entry.sharding_type,
        kernel=entry.compute_kernel,
        shards=tuple(
            PlannedShard(rank, *shard.shard_offsets, *shard.shard_sizes)
            for rank, shard in zip(entry.ranks, entry.shards, strict=False)
        ),
        ranks=entry.ranks,
        pooling=facts.pooling,
        access=access,
        ids=carried.ids if carried else RowOrder.HASHED,
        cache=entry.cache,
        replicated_rows=entry.replicated_rows or 0,
        batch_shares=facts.batch_shares,
        is_mean=facts.is_mean,
        poolings=facts.poolings or (carried.poolings if carried else ()),
        is_weighted=facts.is_weighted or counts_weights,
    )
