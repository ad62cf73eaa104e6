"""An old plan under another spec: what of it can be kept, and what the step would then take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shardplan.errors import ShardplanError
from shardplan.options.limits import column_width_fault
from shardplan.plan.decision import Decision
from shardplan.plan.planned import planned_tables
from shardplan.plan.predict import predict
from shardplan.plan.recover import decision_of
from shardplan.whatif.breach import Breach, breaches_of

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.workload.table import Table


@dataclass(frozen=True, slots=True)
class Carried:
    """The decisions of a plan for the tables of another case."""

    decisions: tuple[Decision, ...]
    """One per table that the plan has and whose sharding is possible still, in the case's order."""
    lost: tuple[str, ...]
    """Tables without one: new ones, or cut in a way that their columns or the cluster do not
    allow."""


@dataclass(frozen=True, slots=True)
class CostUnder:
    """What an old plan costs under another spec."""

    old_step_seconds: float
    step_seconds: float | None
    """Without the lost tables; None where it cannot be told."""
    lost: tuple[str, ...]
    """Tables that the plan has no place for."""
    breaches: tuple[Breach, ...]
    """Memories that it overflows."""


def carry(plan: Plan, then: Case, now: Case) -> Carried:
    """Take the decisions of a plan made for the case ``then`` to ``now``; tables go by name."""
    old = {
        (each.table.module, each.table.name): found
        for each in planned_tables(plan, then.workload)
        if isinstance(found := decision_of(each, then.topology.world), Decision)
    }
    decisions, lost = [], []
    for index, table in enumerate(now.workload.tables):
        decision = old.get((table.module, table.name))
        if decision is not None and _is_possible(decision, table, now):
            decisions.append(replace(decision, table=index))
        else:
            lost.append(table.label)
    return Carried(tuple(decisions), tuple(lost))


def cost_under(plan: Plan, then: Case, now: Case) -> CostUnder:
    """What the plan would cost under another case, its shards cut again for today's tables."""
    carried = carry(plan, then, now)
    old = plan.prediction.step_seconds
    try:
        prediction = predict(now, carried.decisions) if carried.decisions else None
    except ShardplanError:
        prediction = None
    if prediction is None:
        return CostUnder(old, None, carried.lost, ())
    breaches = breaches_of(now, prediction.rank_memory_bytes)
    return CostUnder(old, prediction.step_seconds, carried.lost, breaches)


def _is_possible(decision: Decision, table: Table, case: Case) -> bool:
    """Whether a table of this size can be cut so, on ranks that the case has.

    Rows of dynamic tables are dealt to all ranks, however few there are.
    """
    world = case.topology.world
    try:
        shards = decision.shards(table, world)
    except ValueError:
        return False
    return all(
        shard.rank < world.size
        and (shard.rows > 0 or table.dynamic is not None)
        and not column_width_fault(shard.columns, world.devices)
        for shard in shards
    )
