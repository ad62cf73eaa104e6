"""What a plan would cost if one choice were made otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.errors import Infeasible, NoPlanFound, Shortfall
from shardplan.plan.build_plan import build_plan
from shardplan.plan.diff.plan_diff import PlanDiff, diff_plans
from shardplan.plan.file.optimality import Optimality, Status, Termination
from shardplan.plan.file.rounding import rounded
from shardplan.plan.predict import predict
from shardplan.planning.cases.widths import of_one_width
from shardplan.planning.formulate import formulate
from shardplan.planning.planner import make_plan
from shardplan.solve.deadline import Deadline
from shardplan.solve.search.refit import refit
from shardplan.spec.objective import Objective
from shardplan.whatif.breach import Breach, breaches_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.plan.file.plan import Plan
    from shardplan.planning.formulation import Formulation
    from shardplan.solve.reporter import Reporter
    from shardplan.solve.settings import Settings
    from shardplan.whatif.choice import Choice


@dataclass(frozen=True, slots=True)
class ChargeChange:
    """A group of tables that only one of two plans pays for."""

    group: str
    """Such as a sharding type."""
    seconds: float
    """Over the phases that the step waits for; below 0 where the other plan does without."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """The plan with the choice made, beside the plan without."""

    diff: PlanDiff
    breaches: tuple[Breach, ...]
    """Memories that it overflows: then it is no plan, and its times are what it would take."""
    status: str
    """What is proven of the best plan with the choice; empty where nothing was asked."""
    charges: tuple[ChargeChange, ...]
    """Groups that it pays for and the plan does not, and the other way round."""


@dataclass(frozen=True, slots=True)
class WhyNot:
    """A choice, first with nothing else changed, then with all else solved again."""

    choice: str
    table: str
    is_made: bool
    """The plan has it already: nothing was tried."""
    fixed: Alternative | None
    """None where no place is left for the table without moving others."""
    resolved: Alternative | None
    """None where there is no such plan, or none was found."""
    shortfalls: tuple[Shortfall, ...]
    """Why no plan with the choice can exist; empty where one can."""
    failure: str
    """Why none was found, though there may be one; empty where one was."""


def why_not(
    plan: Plan,
    case: Case,
    decisions: Sequence[Decision],
    choice: Choice,
    settings: Settings,
    reporter: Reporter,
) -> WhyNot:
    """Force a choice on a plan whose tables have these decisions, in the order of tables.

    The second answer is that of a solve whose spec demands the choice, begun with the first one:
    its numbers are the least that the choice costs, within the gap that ``settings`` ask for.
    """
    table = case.workload.tables[choice.table].label
    if _is_made(choice, decisions[choice.table], case):
        return WhyNot(choice.text, table, True, None, None, (), "")
    deadline = Deadline.after(settings.time_limit_seconds).unless(settings.should_stop)
    forced = choice.forced_on(case)
    fixed, resolved, failure = None, None, ""
    shortfalls: tuple[Shortfall, ...] = ()
    try:
        formulation = formulate(of_one_width(forced, decisions), deadline)
        start = _with_all_else_fixed(formulation, decisions, choice)
        if start:
            fixed = _alternative(plan, forced, _plan_of(plan, forced, start), "")
        found = make_plan(forced, settings.until(deadline), reporter, start)
        resolved = _alternative(plan, forced, found, found.optimality.status)
    except Infeasible as error:
        shortfalls = error.shortfalls
    except NoPlanFound as error:
        failure = str(error)
    return WhyNot(choice.text, table, False, fixed, resolved, shortfalls, failure)


def _is_made(choice: Choice, decision: Decision, case: Case) -> bool:
    """Whether the plan already has what is asked for."""
    if choice.ranks is None:
        return choice.is_made_by(decision)
    world, lands = case.topology.world, decision.sharding.lands
    return all(set(world.ranks_of(lands, place)) <= set(choice.ranks) for place in decision.places)


def _with_all_else_fixed(
    formulation: Formulation, decisions: Sequence[Decision], choice: Choice
) -> tuple[Decision, ...]:
    """The decisions with the best for the chosen table; empty where no place is left for it."""
    item = int(formulation.items.of_table[choice.table])
    placement, is_placed = formulation.placement(decisions)
    others = np.delete(is_placed, item)
    if not others.all():
        return ()
    found = refit(formulation.problem, placement, item)
    return formulation.decisions(found.placement) if found else ()


def _plan_of(plan: Plan, case: Case, decisions: Sequence[Decision]) -> Plan:
    """Decisions as a plan, of whose optimality nothing is known."""
    prediction = predict(case, decisions)
    reached = (
        prediction.step_seconds
        if case.objective is Objective.STEP_TIME
        else prediction.balance_seconds
    )
    claim = Optimality.of(
        case.objective,
        reached,
        0.0,
        bound="none",
        status=Status.FEASIBLE,
        termination=Termination.FINISHED,
    )
    return build_plan(case, decisions, prediction, claim, plan.solver, plan.run)


def _alternative(plan: Plan, case: Case, other: Plan, status: str) -> Alternative:
    memory = [rank.memory_bytes for rank in other.prediction.ranks]
    held = np.array([(each.hbm, each.ddr, each.ssd) for each in memory], dtype=np.float64)
    charges = tuple(_charge_changes(plan, other, case))
    return Alternative(diff_plans(plan, other, case), breaches_of(case, held), status, charges)


def _charge_changes(plan: Plan, other: Plan, case: Case) -> Iterator[ChargeChange]:
    """Those that are more first."""
    now, then = _charges(plan, case), _charges(other, case)
    for group, seconds in then.items():
        if group not in now:
            yield ChargeChange(group, rounded(seconds))
    for group, seconds in now.items():
        if group not in then:
            yield ChargeChange(group, rounded(-seconds))


def _charges(plan: Plan, case: Case) -> dict[str, float]:
    """By group, what it adds to the phases that the plan's step waits for."""
    seconds = np.array([list(rank.phases.values()) for rank in plan.prediction.ranks])
    names = plan.prediction.phases
    waits = {
        name
        for name, is_counted in zip(names, case.step.waits_for(seconds).tolist(), strict=True)
        if is_counted
    }
    return {
        charge.group: sum(added for name, added in charge.phases.items() if name in waits)
        for charge in plan.prediction.charges
    }
