"""``shardplan verify`` of a model that is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.plan.finding import Finding
    from shardplan.serving.file.served_plan import ServedPlan


def served_findings(plan: ServedPlan, spec: str | None) -> tuple[Finding, ...]:
    """What is wrong with a plan, by itself and beside a spec; raises InputError."""
    from shardplan.serving.served_case import build_served_case
    from shardplan.serving.verify import verify_served
    from shardplan.spec.load import load_spec

    return verify_served(plan, build_served_case(load_spec(spec)) if spec else None)


def served_praise(plan: ServedPlan) -> str:
    """What is right with a plan of which nothing is wrong."""
    return (
        f"all {len(plan.tables):,} tables are stored once, legal and fit each replica; the "
        "prediction holds; gap and bound are as the solver claimed, not proven again"
    )
