"""Candidates that another one beats, whatever their plans."""

from shardplan.plan.file.plan_model import PlanModel
from shardplan.size.answer.amounts import Amount
from shardplan.size.answer.design import Design, DesignRange
from shardplan.size.answer.point import Point


class Dominated(PlanModel):
    """Candidates whose bounds are no better than a plan of the front in anything minimised."""

    designs: DesignRange
    by: Design
    """Of the front: what is dominated by another is so by one of the front."""
    step_bound_seconds: Amount
    """Of the best of them, as all bounds here."""
    time_bound_seconds: Amount
    cost_bound: Amount
    point: Point | None = None
    """Its plan, where it was solved."""

    def time_excess(self, by: Point) -> float:
        """How much longer it takes at least than the plan of ``by``, as a fraction of that."""
        return self.time_bound_seconds / by.time_seconds - 1 if by.time_seconds else 0.0

    def cost_excess(self, by: Point) -> float:
        """How much more it costs at least."""
        return self.cost_bound / by.cost - 1 if by.cost else 0.0
