"""The plan and the spec speak of the same tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.plan.changes import changes
from shardplan.plan.file.rounding import differs
from shardplan.plan.file.table_facts import ModuleFacts
from shardplan.plan.file.training_facts import TrainingFacts
from shardplan.plan.finding import Finding
from shardplan.spec.fields.access import write_access
from shardplan.workload.collection import POOLED
from shardplan.workload.module.pooling_type import PoolingType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.plan.file.plan import Plan
    from shardplan.plan.file.table_facts import TableFacts
    from shardplan.sharding.world import World
    from shardplan.workload.table import Table
    from shardplan.workload.wire.reduction import Reduction
    from shardplan.workload.workload import Workload


def check_tables(plan: Plan, workload: Workload) -> Iterator[Finding]:
    """Every table is planned, none is unknown, and the plan's record of each agrees."""
    known = {(table.module, table.name) for table in workload.tables}
    for table in workload.tables:
        if table.name not in plan.plan.get(table.module, {}):
            where = f"plan.{table.module}"
            yield Finding("table_missing", where, f"table {table.name!r} is not planned")
    for module, entries in plan.plan.items():
        for name in entries:
            if (module, name) not in known:
                yield Finding(
                    "table_unknown", f"plan.{module}.{name}", "the spec has no such table"
                )
    yield from check_facts(plan, workload)


def check_training(
    plan: Plan, workload: Workload, world_size: int, reduction: Reduction
) -> Iterator[Finding]:
    """What the plan tells the jobs that run it is what the spec says on so many devices, and
    settled by ``reduction`` how gradients are summed."""
    if plan.training is None:
        return
    real = TrainingFacts.of(workload, world_size, reduction)
    for change in changes(plan.training.model_dump(mode="json"), real.model_dump(mode="json")):
        message = f"is {change.was}; by the spec it is {change.now}"
        yield Finding("training", f"training.{change.where}", message)


def check_world(plan: Plan, world: World) -> Iterator[Finding]:
    """The plan was made for a cluster of this shape."""
    for key, recorded, real in (
        ("world_size", plan.world_size, world.size),
        ("local_world_size", plan.local_world_size, world.devices_per_node),
    ):
        if recorded != real:
            yield Finding("world_size", key, f"is {recorded}; the topology has {real}")
    ranks = [rank.rank for rank in plan.prediction.ranks]
    if len(ranks) != plan.world_size or ranks != list(range(len(ranks))):
        message = f"must list the ranks 0..{plan.world_size - 1} in order, lists {len(ranks)}"
        yield Finding("world_size", "prediction.ranks", message)


def check_facts(plan: Plan, workload: Workload) -> Iterator[Finding]:
    """The plan's record of each table agrees, and they come in the spec's order."""
    facts = {(fact.module, fact.name): fact for fact in plan.tables}
    order = {(table.module, table.name): place for place, table in enumerate(workload.tables)}
    places = [order[key] for key in facts if key in order]
    if places != sorted(places):
        yield Finding("tables", "tables", "are not in the spec's order")
    if len(facts) < len(plan.tables):
        yield Finding("tables", "tables", f"{len(plan.tables) - len(facts)} are listed twice")
    for position, table in enumerate(workload.tables):
        fact = facts.pop((table.module, table.name), None)
        if fact is None:
            yield Finding("tables", "tables", f"table {table.label!r} is not listed")
            continue
        for key, recorded, real in _disagreements(fact, table):
            message = f"{table.label!r} has {recorded}; in the spec it is {real}"
            yield Finding("tables", f"tables[{position}].{key}", message)
    for _, name in facts:
        yield Finding("tables", "tables", f"the spec has no table {name!r}")
    yield from check_modules(plan, workload)


def check_modules(plan: Plan, workload: Workload) -> Iterator[Finding]:
    """What the plan says of modules is what the spec says."""
    real = ModuleFacts.of_all(workload.tables)
    for module in dict.fromkeys((*real, *(plan.modules or {}))):
        was = plan.collection_of(module)
        now = real[module].collection if module in real else POOLED
        for what in ("kind", "is_pooled", "dedup", "output_dtype", "batch_share"):
            recorded, stated = getattr(was, what), getattr(now, what)
            if recorded != stated:
                where = f"modules.{module}.{what.removeprefix('is_')}"
                message = f"is {_said(recorded)}; by the spec it is {_said(stated)}"
                yield Finding("modules", where, message)
        if was.id_map is not None and now.id_map is not None:  # Older plans do not say.
            for key, recorded, stated in was.id_map.differences(now.id_map):
                message = f"is {_said(recorded)}; by the spec it is {_said(stated)}"
                yield Finding("modules", f"modules.{module}.id_map.{key}", message)


def _said(value: object) -> str:
    return str(value).lower()


def _disagreements(fact: TableFacts, table: Table) -> Iterator[tuple[str, object, object]]:
    for key, recorded, real in (
        ("rows", fact.rows, table.rows),
        ("dim", fact.dim, table.dim),
        ("unpadded_dim", fact.unpadded_dim, table.unpadded_dim),
        ("dtype", fact.dtype.value, table.dtype.value),
        ("features", list(fact.features), list(table.features)),
        ("batch_shares", list(fact.batch_shares), list(table.batch_shares)),
        ("pooling_type", str(fact.pooling_type or PoolingType.SUM), str(table.pooling_type)),
    ):
        if recorded != real:
            yield key, recorded, real
    if differs(fact.pooling, table.pooling):
        yield "pooling", fact.pooling, table.pooling
    if fact.poolings and (
        len(fact.poolings) != len(table.poolings)
        or any(map(differs, fact.poolings, table.poolings))
    ):
        yield "poolings", list(fact.poolings), list(table.poolings)
    if fact.weighted not in (None, table.counts_weights):
        yield "weighted", _said(fact.weighted), _said(table.counts_weights)
    if fact.access not in (None, table.pattern):
        yield "access", write_access(fact.access), write_access(table.pattern)
    padding = fact.padding and fact.padding.padding
    if fact.access is not None and padding != table.padding:
        yield "padding", padding, table.padding
