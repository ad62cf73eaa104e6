"""Scaling curves -> sections of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cli.fronts.front_words import count, rate
from shardplan.explain.report.report import Column, Grid, Section
from shardplan.explain.words import words
from shardplan.size.answer.scaling import Scaling
from shardplan.units import format_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.explain.report.report import Cell
    from shardplan.size.answer.scaling import ScalingCurve, ScalingStep


SCALING_TITLES = {Scaling.STRONG: "Strong scaling", Scaling.WEAK: "Weak scaling"}
SCALING_MEANINGS = {
    Scaling.STRONG: "the same batch over more and more nodes",
    Scaling.WEAK: "the same batch on each device of more and more nodes",
}


def scaling_sections(curves: Sequence[ScalingCurve]) -> Iterator[Section]:
    """Of each kind of which there are any."""
    for kind, title in SCALING_TITLES.items():
        if mine := [curve for curve in curves if curve.kind is kind]:
            yield _section(title, SCALING_MEANINGS[kind], mine)


def curve_words(curve: ScalingCurve) -> str:
    """``dgx-h100, batch 65,536``; ``.., 512 a device, in groups``."""
    batch = count(round(curve.batch, 2))
    batch = f"batch {batch}" if curve.kind is Scaling.STRONG else f"{batch} a device"
    return f"{curve.machine}, {batch}{'' if curve.is_ungrouped else ', in groups'}"


def _section(title: str, meaning: str, curves: Sequence[ScalingCurve]) -> Section:
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
