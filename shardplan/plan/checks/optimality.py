"""The plan's claim of how good it is holds together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.plan.file.optimality import BOUNDS, OPTIMAL_GAP, Status, Termination, gap_of
from shardplan.plan.file.rounding import differs
from shardplan.plan.finding import Finding
from shardplan.spec.objective import Objective

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.plan.file.optimality import Optimality
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.file.provenance import MovesInfo


def check_optimality(plan: Plan, objective: Objective) -> Iterator[Finding]:
    """Objective, bound, gap and status agree with the prediction and with each other.

    That no plan is below the bound is the solver's claim; it is not proven again.
    """
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
    yield from _check_bound_name(claim)
    gap = gap_of(reached, bound)
    if (claim.gap is None) != (gap is None) or abs((claim.gap or 0) - (gap or 0)) > 1e-6:
        yield _finding("gap", f"is {claim.gap}; objective and bound give {gap}")
    if claim.status is Status.OPTIMAL and (gap is None or gap > OPTIMAL_GAP):
        yield _finding("status", f"is optimal with a gap of {gap}")
    yield from _check_within_gap(claim, gap)
    yield from _check_moves(plan.moves)


def _check_bound_name(claim: Optimality) -> Iterator[Finding]:
    bound = claim.lower_bound_seconds
    if claim.bound not in BOUNDS:
        yield _finding("bound", f"is {claim.bound!r}; known are {', '.join(BOUNDS)}")
    elif claim.bound == "none" and bound:
        yield _finding("bound", f"is none with a lower bound of {bound:.9g} s")
    elif claim.bound != "none" and not bound and claim.objective_seconds:
        yield _finding("bound", f"is {claim.bound} with a lower bound of 0 s, which is none")


def _check_within_gap(claim: Optimality, gap: float | None) -> Iterator[Finding]:
    """A search that reached its gap has a plan within it, and no other has."""
    ended = claim.termination
    if claim.status is Status.WITHIN_GAP and gap is None:
        yield _finding("status", "is within_gap without a bound to have a gap to")
    elif claim.status is Status.WITHIN_GAP and ended is not Termination.GAP:
        yield _finding("status", f"is within_gap, but the search ended by {ended}")
    elif claim.status is Status.FEASIBLE and ended is Termination.GAP:
        yield _finding("status", "is feasible, but the search ended by reaching its gap")


def _check_moves(moves: MovesInfo | None) -> Iterator[Finding]:
    """A plan that was to stay near an old one moves no more than was allowed."""
    if moves is None or moves.budget_bytes is None:
        return
    if moves.moved_bytes > moves.budget_bytes:
        message = f"is {moves.moved_bytes}; at most {moves.budget_bytes} were to move"
        yield Finding("optimality", "moves.moved_bytes", message)


def _finding(where: str, message: str) -> Finding:
    return Finding("optimality", f"optimality.{where}", message)
