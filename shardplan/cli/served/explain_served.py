"""``shardplan explain`` of a model that is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cli.show import show_report

if TYPE_CHECKING:
    from shardplan.serving.file.served_plan import ServedPlan


def served_explanation(plan: ServedPlan, top: int, form: str, width: int | None) -> str:
    """The plan as it is to be shown; as JSON, all of its file but the spec that it carries."""
    if form == "json":
        from shardplan.plan.file.reviewable_json import reviewable

        return reviewable(plan.model_dump(mode="json", exclude_unset=True, exclude={"resolved"}))
    from shardplan.explain.report.served.served_report import served_report

    return show_report(served_report(plan, top), form, width)
