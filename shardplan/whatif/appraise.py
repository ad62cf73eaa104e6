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
from shardplan.whatif.breach import Breach, breaches_of
from shardplan.whatif.few_changes import FewChanges, TableChange, objective_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.plan.file.plan import Plan
    from shardplan.solve.reporter import Reporter
    from shardplan.solve.settings import Settings

_CHANGING_SHARE = 0.3
"""Of the time: for finding changes."""


@dataclass(frozen=True, slots=True)
class Appraisal:
    """A plan beside the bound and the best that was found."""

    plan: Plan
    """The plan itself, with the bound that was proven for all plans of its spec."""
    best: Plan
    breaches: tuple[Breach, ...]
    """Memories that the plan overflows."""
    changes: tuple[TableChange, ...]
    """Of the set of tables that was found to save most, those that save most first."""
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

    At most ``most`` items are changed, with all else left alone. Raises what ``make_plan`` raises.
    """
    deadline = Deadline.after(settings.time_limit_seconds * _CHANGING_SHARE)
    deadline = deadline.unless(settings.should_stop)
    any_sums, case = case, quickest_sums(case, decisions)
    formulation = formulate(case, deadline)
    _, is_placed = formulation.placement(decisions)
    few = FewChanges(case, formulation, tuple(decisions), settings, deadline, most)
    changes = tuple(few.found())
    tables = case.workload.tables
    not_offered = tuple(
        tables[table].label
        for item in np.flatnonzero(~is_placed).tolist()
        for table in formulation.items.tables[item]
    )
    seconds = settings.time_limit_seconds * (1 - _CHANGING_SHARE)
    limited = replace(settings, time_limit_seconds=seconds)
    after = {change.after.table: change.after for change in changes}
    start = [after.get(decision.table, decision) for decision in decisions]
    best = make_plan(any_sums, limited, reporter, start)
    prediction = predict(case, decisions)
    claim = Optimality.of(
        case.objective,
        objective_of(case, decisions),
        best.optimality.lower_bound_seconds,
        bound=best.optimality.bound,
        status=Status.FEASIBLE,
        termination=Termination.FINISHED,
    )
    solver = best.solver.model_copy(update={"method": "given"})
    plan = build_plan(case, decisions, prediction, claim, solver, best.run)
    held = np.array(prediction.rank_memory_bytes)
    return Appraisal(plan, best, breaches_of(case, held), changes, not_offered)
