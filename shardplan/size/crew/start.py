"""What a solve begins with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.plan.finding import Finding
from shardplan.plan.planned import planned_tables
from shardplan.plan.recover import decision_of

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.options.constraint import Constraint
    from shardplan.plan.decision import Decision
    from shardplan.plan.file.plan import Plan


@dataclass(frozen=True, slots=True)
class Start:
    """Decisions to begin with; or, of other devices, how tables are cut there."""

    decisions: tuple[Decision, ...] = ()
    alike: tuple[Constraint, ...] = ()
    """Under which a first plan is made."""


def decisions_of(plan: Plan, case: Case) -> tuple[Decision, ...]:
    """What a plan decides for the tables of its case."""
    world = case.topology.world
    found = [decision_of(each, world) for each in planned_tables(plan, case.workload)]
    return tuple(each for each in found if not isinstance(each, Finding))
