"""Plans for serving side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.report.report import Column, Grid, Section
from shardplan.explain.words import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.serving.file.served_plan import ServedPlan


def served_section(plans: Sequence[tuple[str, ServedPlan]]) -> Section:
    """A line for each, by the file that it is in."""
    rows = tuple(
        (
            file,
            f"{plan.replicas.count:,}",
            words.seconds(plan.optimality.objective_seconds),
            words.gap(plan.optimality.gap),
            words.percent(plan.replicas.utilisation),
            f"{plan.prediction.quality_loss:g}",
        )
        for file, plan in plans
    )
    columns = (
        Column("plan", is_name=True),
        Column("replicas", is_number=True),
        Column("batch", is_number=True),
        Column("gap", is_number=True),
        Column("busy", is_number=True),
        Column("quality loss", is_number=True),
    )
    return Section("Serving", grid=Grid(columns, rows))
