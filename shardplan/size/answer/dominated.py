"""Candidates that another one beats, whatever their plans."""

from shardplan.plan.file.plan_model import PlanModel
from shardplan.size.answer.amounts import Amount
from shardplan.size.answer.design import Design, DesignRange
from shardplan.size.answer.point import Point
from shardplan.spec.sizing.goal import Goal


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

    def excess(self, goal: Goal, by: Point) -> float:
        """How much longer it takes at least, or how much more it costs, than the plan of ``by``, as
        a fraction of that."""
        if goal is Goal.TIME:
            return _excess(self.time_bound_seconds, by.time_seconds)
        return _excess(self.cost_bound, by.cost)


def _excess(least: float, there: float) -> float:
    return least / there - 1 if there else 0.0
