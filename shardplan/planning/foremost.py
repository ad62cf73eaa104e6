"""Of the placements that a solve took, the one whose plan is the quickest.

A solve charges all row blocks as the first, and between two sizes of a cache more than it takes. A
placement that is charged less than an earlier one may so make a plan that takes longer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shardplan.plan.predict import predict
from shardplan.solve.problem.placement import evaluate
from shardplan.spec.objective import Objective

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.planning.formulation import Formulation
    from shardplan.solve.deadline import Deadline
    from shardplan.solve.outcome import Outcome
    from shardplan.solve.problem.placement import Placement

_LEAST_GAIN = 1e-6
"""Relatively: less is rounding."""


def foremost(
    case: Case, formulation: Formulation, outcome: Outcome, deadline: Deadline, latest: int
) -> Outcome:
    """The outcome with one of the ``latest`` earlier placements where its plan is quicker."""
    best, problem = outcome.placement, formulation.problem
    may_differ = problem.is_uneven or (best is not None and best.weights is not None)
    if best is None or not may_differ:
        return outcome
    least = _predicted(case, formulation, best) * (1 - _LEAST_GAIN)
    for placement in reversed(outcome.earlier[-latest:]):
        if deadline.is_over:
            break
        seconds = _predicted(case, formulation, placement)
        if seconds < least:
            best, least = placement, seconds
    if best is outcome.placement:
        return outcome
    return replace(outcome, placement=best, objective=evaluate(problem, best).objective)


def _predicted(case: Case, formulation: Formulation, placement: Placement) -> float:
    """Seconds of the case's objective."""
    found = predict(case, formulation.decisions(placement))
    is_step = case.objective is Objective.STEP_TIME
    return found.step_seconds if is_step else found.balance_seconds
