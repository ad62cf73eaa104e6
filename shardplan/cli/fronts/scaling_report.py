"""Scaling curves -> sections of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cli.fronts.front_words import rate
from shardplan.cli.fronts.scaling_picture import curve_words
from shardplan.explain.report.report import Column, Grid, Section
from shardplan.explain.words import words
from shardplan.units import format_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.explain.report.report import Cell
    from shardplan.size.answer.scaling import ScalingCurve, ScalingStep


def scaling_section(title: str, meaning: str, curves: Sequence[ScalingCurve]) -> Section:
    """A row for each point of each curve."""
    columns = (
        Column("curve", is_name=True),
        Column("nodes", True),
        Column("groups", True, spare=1),
        Column("step", True),
        Column("at least", True, spare=2),
        Column("samples/s", True),
        Column("of linear", True),
        Column("binds", is_name=True),
    )
    rows = tuple(_row(curve, step) for curve in curves for step in curve.steps)
    return Section(title, meaning, Grid(columns, rows))


def _row(curve: ScalingCurve, step: ScalingStep) -> tuple[Cell, ...]:
    return (
        curve_words(curve),
        f"{step.design.nodes:,}",
        f"{step.design.groups:,}",
        format_seconds(step.step_seconds),
        format_seconds(step.step_bound_seconds),
        rate(step.samples_per_second),
        words.percent(step.efficiency),
        step.binds.words,
    )
