"""The plan file's ``optimality``: how good the plan is, and how good any plan could be."""

from enum import StrEnum
from typing import Self

from shardplan.plan.file.plan_model import PlanModel, Seconds
from shardplan.plan.file.rounding import rounded
from shardplan.spec.objective import Objective

OPTIMAL_GAP = 1e-4
"""The largest gap that may be called optimal: the tolerance of integer programming."""

BOUNDS = (
    "relaxation",
    "option choice",
    "filling units",
    "patterns",
    "integer program",
    "none",
)
"""What may have proven the lower bound; ``none`` where it is 0."""


class Status(StrEnum):
    """What has been proven of a plan."""

    OPTIMAL = "optimal"
    WITHIN_GAP = "within_gap"
    FEASIBLE = "feasible"


class Termination(StrEnum):
    """Why the search ended."""

    GAP = "gap"
    TIME_LIMIT = "time_limit"
    NODE_LIMIT = "node_limit"
    INTERRUPTED = "interrupted"
    PATIENCE = "patience"
    """Neither plan nor bound had improved for a while."""
    FINISHED = "finished"
    """The method ran to its own end."""


class Optimality(PlanModel):
    """The objective reached, and the bound that no plan can beat."""

    objective: Objective
    objective_seconds: Seconds
    lower_bound_seconds: Seconds
    gap: float | None
    """``(objective - bound) / bound``; null where the bound is 0 and the objective is not."""
    bound: str
    """Which of ``BOUNDS`` held."""
    status: Status
    termination: Termination

    @classmethod
    def of(
        cls,
        objective: Objective,
        objective_seconds: float,
        lower_bound_seconds: float,
        *,
        bound: str,
        status: Status,
        termination: Termination,
    ) -> Self:
        """With the gap computed, and all numbers rounded as the plan file has them."""
        seconds, lower = rounded(objective_seconds), rounded(lower_bound_seconds)
        return cls(
            objective=objective,
            objective_seconds=seconds,
            lower_bound_seconds=lower,
            gap=gap_of(seconds, lower),
            bound=bound,
            status=status,
            termination=termination,
        )

    def reaching(self, objective_seconds: float) -> Self:
        """The same bound, of a plan with another objective: no longer optimal where it is longer,
        and within the gap only where that was what ended the search."""
        lower = min(self.lower_bound_seconds, objective_seconds)
        gap, status = gap_of(objective_seconds, lower), self.status
        if status is Status.OPTIMAL and (gap is None or gap > OPTIMAL_GAP):
            is_ended = self.termination is Termination.GAP
            status = Status.WITHIN_GAP if is_ended else Status.FEASIBLE
        return type(self).of(
            self.objective,
            objective_seconds,
            lower,
            bound=self.bound,
            status=status,
            termination=self.termination,
        )


def gap_of(objective_seconds: float, lower_bound_seconds: float) -> float | None:
    """``(objective - bound) / bound``, rounded; None where that is no number."""
    excess = objective_seconds - lower_bound_seconds
    if lower_bound_seconds:
        return rounded(excess / lower_bound_seconds)
    return None if excess else 0.0
