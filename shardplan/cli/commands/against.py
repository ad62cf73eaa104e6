"""``shardplan check --cost-model FILE --against MEASUREMENTS.csv``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from shardplan.cli.output import put, put_file
from shardplan.errors import ShardplanError

if TYPE_CHECKING:
    from shardplan.calibrate.comparison import Comparison
    from shardplan.cost.profile.profile import Profile


def check_against(cost_model: str, measurements: str, plot: str | None, form: str) -> None:
    """Hold a cost model, by name or path, against a file of measurements.

    Raises InputError with the faults of either file, ShardplanError where they do not match.
    """
    from shardplan.calibrate.comparison import compare
    from shardplan.calibrate.measurements.measurements_file import read_measurements
    from shardplan.cli.reports.comparison_report import comparison_json, comparison_report
    from shardplan.cli.show import show_report

    profile = _profile(cost_model)
    comparison = compare(profile, read_measurements(measurements))
    if not comparison.cases:
        raise ShardplanError(f"{measurements}: nothing in it that a cost model predicts")
    if plot is not None:
        put_file(_plot(profile.name, comparison), plot)
    if plot == "-":
        return
    if form == "json":
        put(json.dumps(comparison_json(profile.name, comparison), indent=2) + "\n")
    else:
        put(show_report(comparison_report(profile.name, comparison), form))


def _profile(name: str) -> Profile:
    from shardplan.cost.profile.build_profile import build_profile
    from shardplan.cost.profile.profile_file import ProfileFile
    from shardplan.cost.select import read_cost_model
    from shardplan.spec.catalog.catalog import Kind
    from shardplan.spec.catalog.source import named_source

    file = read_cost_model(named_source(Kind.COST_MODEL, name, Path()))
    if not isinstance(file, ProfileFile):
        raise ShardplanError(
            f"cost model {file.name} is of the kind {file.kind}, which tells no seconds of "
            "kernels and collectives alone; --against takes one of the kind analytic"
        )
    return build_profile(file)


def _plot(name: str, comparison: Comparison) -> str:
    from shardplan.explain.render.scatter import scatter_plot

    series: dict[str, list[tuple[float, float]]] = {}
    for case in comparison.cases:
        point = case.measured_seconds, case.predicted_seconds
        series.setdefault(case.subject, []).append(point)
    return scatter_plot(f"{name}: predicted beside measured seconds", series)
