"""A plan as an executor sees it: where training programs import it from, wherever it stands."""

from shardplan.executor.planned.plan_view import PlanView, view_plan

__all__ = ["PlanView", "view_plan"]
