"""A cost model held against measurements -> Report, JSON, a picture."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from shardplan.explain.render.scatter import scatter_plot
from shardplan.explain.report.report import Column, Grid, Report, Section
from shardplan.explain.words.words import plural
from shardplan.units import format_seconds

if TYPE_CHECKING:
    from shardplan.calibrate.comparison import Comparison

_WORST = 5


def comparison_report(name: str, comparison: Comparison) -> Report:
    """How well a cost model predicts, by what was measured, and where it errs most."""
    measured = plural(len(comparison.cases), "measurement")
    left_out = f"{plural(comparison.skipped, 'measurement')} of the host link left out"
    remarks = (left_out,) if comparison.skipped else ()
    accuracy = Section(
        "Accuracy",
        "MAPE: mean of |predicted / measured - 1|; bias: mean of predicted / measured - 1",
        _accuracy(comparison),
        remarks,
    )
    worst = Section("Worst cases", "counted from the first of the file", _worst(comparison))
    return Report(f"{name} against {measured}", (accuracy, worst))


def comparison_json(name: str, comparison: Comparison) -> dict[str, Any]:
    """The same numbers as plain values."""
    return {
        "cost_model": name,
        "skipped": comparison.skipped,
        "accuracy": {subject: asdict(found) for subject, found in comparison.subjects.items()},
        "worst": [asdict(case) | {"error": case.error} for case in comparison.worst(_WORST)],
    }


def comparison_plot(name: str, comparison: Comparison) -> str:
    """The same as an SVG picture: predicted beside measured."""
    series: dict[str, list[tuple[float, float]]] = {}
    for case in comparison.cases:
        point = case.measured_seconds, case.predicted_seconds
        series.setdefault(case.subject, []).append(point)
    return scatter_plot(f"{name}: predicted beside measured seconds", series)


def _accuracy(comparison: Comparison) -> Grid:
    columns = (
        Column("what"),
        Column("measured", True),
        Column("MAPE", True),
        Column("bias", True),
        Column("Spearman", True),
    )
    rows = tuple(
        (
            subject,
            f"{found.count:,}",
            f"{found.mean_error:.1%}",
            f"{found.bias:+.1%}",
            f"{found.rank_correlation:.3f}" if found.count > 1 else "-",
        )
        for subject, found in comparison.subjects.items()
    )
    return Grid(columns, rows)


def _worst(comparison: Comparison) -> Grid:
    columns = (
        Column("measurement", True),
        Column("what"),
        Column("measured", True),
        Column("predicted", True),
        Column("off", True),
    )
    rows = tuple(
        (
            f"{case.position + 1:,}",
            case.subject,
            format_seconds(case.measured_seconds),
            format_seconds(case.predicted_seconds),
            f"{case.error:+.1%}",
        )
        for case in comparison.worst(_WORST)
    )
    return Grid(columns, rows)
