"""How far a plan from anywhere is from the best, and which changes to it bring most."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.plan.build_plan import build_plan
from shardplan.plan.file.optimality import Optimality, Status, Termination
from shardplan.plan.predict import predict
from shardplan.planning.cases.sums import quickest_sums
from shardplan.planning.formulate import formulate
from shardplan.planning.planner import make_plan
from shardplan.solve.deadline import Deadline
from shardplan.solve.search.refit import refit
from shardplan.spec.objective import Objective
from shardplan.whatif.breach import Breach, breaches_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.plan.file.plan import Plan
    from shardplan.planning.formulation import Formulation
    from shardplan.solve.reporter import Reporter
    from shardplan.solve.settings import Settings

_LEAST_GAIN = 1e-6
"""Of the objective: less is no change worth to be told."""
_TRIED = 8
"""Changes that are counted anew where others stand in for what the plan does."""
_CHANGING_SHARE = 0.3
"""Of the time: for finding changes."""


@dataclass(frozen=True, slots=True)
class TableChange:
    """Another way for one table, with all changes before it made and all else left alone."""

    table: str
    before: Decision
    after: Decision
    objective_seconds: float
    """Of the plan with this change and those before it."""


@dataclass(frozen=True, slots=True)
class Appraisal:
    """A plan beside the bound and the best that was found."""

    plan: Plan
    """The plan itself, with the bound that was proven for all plans of its spec."""
    best: Plan
    breaches: tuple[Breach, ...]
    """Memories that the plan overflows."""
    changes: tuple[TableChange, ...]
    """Single tables, each where it brings most after those before."""
    not_offered: tuple[str, ...] = ()
    """Tables with which the plan does what the spec does not allow, and others that only change
    with them: no changes of these were looked for."""

    @property
    def is_offered(self) -> bool:
        """Whether the spec allows all that the plan does."""
        return not self.not_offered


def appraise(
    case: Case, decisions: Sequence[Decision], settings: Settings, reporter: Reporter, most: int = 3
) -> Appraisal:
    """Rate decisions for all tables of a case, in their order.

    ``most`` changes are looked for, greedily: each is the one that lowers the objective most with
    all else left alone. Raises what ``make_plan`` raises.
    """
    deadline = Deadline.after(settings.time_limit_seconds * _CHANGING_SHARE)
    any_sums, case = case, quickest_sums(case, decisions)
    formulation = formulate(case, deadline)
    _, is_placed = formulation.placement(decisions)
    changes = tuple(_changes(case, formulation, decisions, deadline, most))
    tables = case.workload.tables
    not_offered = tuple(
        tables[table].label
        for item in np.flatnonzero(~is_placed).tolist()
        for table in formulation.items.tables[item]
    )
    seconds = settings.time_limit_seconds * (1 - _CHANGING_SHARE)
    limited = replace(settings, time_limit_seconds=seconds)
    best = make_plan(any_sums, limited, reporter, decisions)
    prediction = predict(case, decisions)
    reached = (
        prediction.step_seconds
        if case.objective is Objective.STEP_TIME
        else prediction.balance_seconds
    )
    claim = Optimality.of(
        case.objective,
        reached,
        best.optimality.lower_bound_seconds,
        bound=best.optimality.bound,
        status=Status.FEASIBLE,
        termination=Termination.FINISHED,
    )
    solver = best.solver.model_copy(update={"method": "given"})
    plan = build_plan(case, decisions, prediction, claim, solver, best.run)
    held = np.array(prediction.rank_memory_bytes)
    return Appraisal(plan, best, breaches_of(case, held), changes, not_offered)


def _changes(
    case: Case,
    formulation: Formulation,
    decisions: Sequence[Decision],
    deadline: Deadline,
    most: int,
) -> Iterator[TableChange]:
    """Of items that hold several tables, what changes of each table.

    Items that no option stands for stay as they are. While others are looked at, what the spec
    has for them stands in, so that of the first few it is counted anew which is the best.
    """
    problem = formulation.problem
    now = tuple(decisions)
    placement, is_placed = formulation.placement(now)
    others = np.flatnonzero(~is_placed).tolist()
    kept = {table: now[table] for item in others for table in formulation.items.tables[item]}
    for item in others:
        stand_in = refit(problem, placement, item)
        placement = placement if stand_in is None else stand_in.placement
    reached = _objective(case, now)
    for _ in range(most):
        found = []
        for item in np.flatnonzero(is_placed).tolist():
            if deadline.is_over:
                break
            other = refit(problem, placement, item)
            if other is not None and other.fits:
                found.append(other)
        if not found:
            return
        found.sort(key=lambda each: each.objective)
        trials = [
            (_objective(case, then), position, then)
            for position, each in enumerate(found[: _TRIED if kept else 1])
            for then in [_with_kept(formulation.decisions(each.placement), kept)]
        ]
        seconds, position, then = min(trials)
        best = found[position]
        if seconds > reached * (1 - _LEAST_GAIN):
            return
        for before, after in zip(now, then, strict=True):
            if before != after:
                label = case.workload.tables[before.table].label
                yield TableChange(label, before, after, seconds)
        now, placement, reached = then, best.placement, seconds


def _with_kept(decisions: Sequence[Decision], kept: Mapping[int, Decision]) -> tuple[Decision, ...]:
    return tuple(kept.get(decision.table, decision) for decision in decisions)


def _objective(case: Case, decisions: Sequence[Decision]) -> float:
    found = predict(case, decisions)
    if case.objective is Objective.STEP_TIME:
        return found.step_seconds
    return found.balance_seconds
