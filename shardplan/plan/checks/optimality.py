"""The plan's claim of how good it is holds together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.plan.finding import Finding
from shardplan.plan.optimality import OPTIMAL_GAP, Status, gap_of
from shardplan.plan.rounding import differs
from shardplan.spec.objective import Objective

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.plan.plan import Plan


def check_optimality(plan: Plan, objective: Objective) -> Iterator[Finding]:
    """Objective, bound, gap and status agree with the prediction and with each other."""
    claim, forecast = plan.optimality, plan.prediction
    if claim.objective != objective:
        yield _finding("objective", f"is {claim.objective}; the spec asks for {objective}")
    balance = claim.objective is Objective.BALANCE
    predicted = forecast.balance_seconds if balance else forecast.step_seconds
    reached, bound = claim.objective_seconds, claim.lower_bound_seconds
    if differs(reached, predicted):
        yield _finding("objective_seconds", f"is {reached:.9g} s; predicted {predicted:.9g} s")
    if bound > reached and differs(bound, reached):
        message = f"is {bound:.9g} s, above the {reached:.9g} s that the plan reaches"
        yield _finding("lower_bound_seconds", message)
    gap = gap_of(reached, bound)
    if (claim.gap is None) != (gap is None) or abs((claim.gap or 0) - (gap or 0)) > 1e-6:
        yield _finding("gap", f"is {claim.gap}; objective and bound give {gap}")
    if claim.status is Status.OPTIMAL and (gap is None or gap > OPTIMAL_GAP):
        yield _finding("status", f"is optimal with a gap of {gap}")


def _finding(where: str, message: str) -> Finding:
    return Finding("optimality", f"optimality.{where}", message)
