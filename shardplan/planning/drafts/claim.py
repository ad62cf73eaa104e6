"""What a solve claims of a plan, held against the plan's own prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.errors import SolverError
from shardplan.plan.file.optimality import OPTIMAL_GAP, Optimality, Status, Termination
from shardplan.solve.outcome import Ending, gap_of
from shardplan.spec.objective import Objective

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.plan.predict import Prediction
    from shardplan.solve.outcome import Outcome

_AGREEMENT = 1e-6
"""Relative difference allowed between the solver's objective and the plan's own prediction."""


def claimed(
    case: Case,
    outcome: Outcome,
    prediction: Prediction,
    is_uneven: bool,
    asked_gap: float,
    rounds_buckets: bool,
) -> Optimality:
    predicted = objective_seconds(case, prediction)
    mixes = outcome.placement is not None and outcome.placement.weights is not None
    differs = predicted - outcome.objective
    # What a cache misses is convex in its size: a mix of sizes may turn out better than claimed.
    # So may row blocks: the solver takes all of them to be as busy as the first.
    may_be_less = mixes or is_uneven or rounds_buckets
    # Dynamic tables have whole buckets of rows in HBM, and miss more than parts of them would.
    wrong = max(0.0 if rounds_buckets else differs, 0.0 if may_be_less else -differs)
    if wrong > _AGREEMENT * predicted:
        raise SolverError(
            f"the solver's objective, {outcome.objective:.9g} s, is not the plan's, "
            f"{predicted:.9g} s"
        )
    lower_bound = min(outcome.lower_bound, predicted)
    gap = gap_of(predicted, lower_bound)
    status = Status.FEASIBLE
    ending = outcome.ending
    if rounds_buckets and ending is Ending.GAP and gap > asked_gap:
        ending = Ending.NODE_LIMIT
    if ending is Ending.GAP or gap <= asked_gap:
        status = Status.WITHIN_GAP
    if gap <= OPTIMAL_GAP / 2:
        status = Status.OPTIMAL
    elif status is Status.WITHIN_GAP:
        ending = Ending.GAP  # reached, whatever ended the search before settling
    return Optimality.of(
        case.objective,
        predicted,
        lower_bound,
        bound=outcome.bound,
        status=status,
        termination=Termination(ending.value),
    )


def objective_seconds(case: Case, prediction: Prediction) -> float:
    is_step = case.objective is Objective.STEP_TIME
    return prediction.step_seconds if is_step else prediction.balance_seconds
