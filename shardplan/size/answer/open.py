"""Candidates that may or may not belong to the front."""

from enum import StrEnum

from shardplan.plan.file.plan_model import PlanModel
from shardplan.size.answer.amounts import Amount
from shardplan.size.answer.design import DesignRange
from shardplan.size.answer.point import Point


class OpenReason(StrEnum):
    """Why it is not known."""

    WITHIN_GAP = "within_gap"
    """Its plan is behind the front, and its bound is not: the two differ by no more than the gap
    that was asked for."""
    NOT_REACHED = "not_reached"
    """Its plan does not reach the target, and its bound would."""
    NO_PLAN = "no_plan"
    """Neither a plan was found within the limits, nor a proof that there is none."""
    GAP_LEFT = "gap_left"
    """It was solved in full, and its plan and its bound still differ by more than the gap."""
    TIME_LIMIT = "time_limit"
    """The time was over."""
    INTERRUPTED = "interrupted"
    """The user ended the search."""


class Open(PlanModel):
    """Candidates that may or may not belong to the front."""

    designs: DesignRange
    reason: OpenReason
    step_bound_seconds: Amount
    """Of the best of them, as all bounds here."""
    time_bound_seconds: Amount
    cost_bound: Amount
    point: Point | None = None
    """Its plan, where it was solved."""
