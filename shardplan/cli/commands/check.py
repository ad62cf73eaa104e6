"""``shardplan check``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shardplan.cli import completions
from shardplan.cli.exit_code import ExitCode
from shardplan.cli.failure import diagnostic_lines
from shardplan.cli.output import json_text, put, put_file, put_json, tell
from shardplan.cli.sectioned import SectionedCommand
from shardplan.cli.served.check_served import checked_served
from shardplan.cli.show import FORMATS, show_report, width_option
from shardplan.cli.spec_changes import SPEC_CHANGES, changes_spec, settings_of
from shardplan.errors import InputError, ShardplanError

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.cost.profile.profile import Profile
    from shardplan.diagnostics import Diagnostic
    from shardplan.spec.loaded import LoadedSpec

_GROUPS = {
    "The spec": SPEC_CHANGES,
    "Cost models": ("cost_model", "against", "plot"),
    "A running job": ("measured", "watch", "exit_code"),
    "Output": ("resolved", "form", "width"),
}


@click.command(
    "check",
    cls=SectionedCommand,
    groups=_GROUPS,
    exit_codes={1: "the job has drifted, with --exit-code"},
)
@click.argument("spec", required=False, shell_complete=completions.files)
@changes_spec
@click.option(
    "--cost-model",
    metavar="NAME",
    shell_complete=completions.cost_models,
    help="Check a cost model, by name or path, instead.",
)
@click.option(
    "--against",
    metavar="CSV",
    shell_complete=completions.files,
    help="Measurements that the cost model should predict.",
)
@click.option(
    "--plot",
    metavar="SVG",
    shell_complete=completions.files,
    help="Write predicted beside measured as a picture.",
)
@click.option(
    "--measured",
    metavar="FILE",
    multiple=True,
    shell_complete=completions.files,
    help="Measured file of a job, or a folder of them; SPEC is its plan. May be repeated.",
)
@click.option("--watch", is_flag=True, help="Look again as files come, until Ctrl-C; tell news.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 where the job has drifted.")
@click.option("--resolved", is_flag=True, help="Print the spec with every default written out.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="Format of the summary; with --resolved, table means YAML.",
)
@width_option
@click.pass_context
def check_command(
    ctx: click.Context,
    spec: str | None,
    topology: str | None,
    nodes: int | None,
    settings: tuple[str, ...],
    cost_model: str | None,
    against: str | None,
    plot: str | None,
    measured: tuple[str, ...],
    watch: bool,
    exit_code: bool,
    resolved: bool,
    form: str,
    width: int | None,
) -> None:
    """Validate a spec and all that it names.

    Reports every error of the spec, its tables file, the topology and the cost model at once, then
    summarises what is to be planned. --resolved prints a complete spec, with the tables, the
    topology and the cost model in it. - means stdin. --set takes the path of a key and YAML:
    tables.t_1.rows=4e7, or 'batch={local: 4096}'; --nodes N is --set topology.nodes=N.

    With --cost-model and --against, says how well a cost model predicts what was measured: the
    mean error (MAPE), the bias, the rank correlation and the worst cases. The measurements are
    those that calibrate writes, or your own with the same columns.

    With --measured, says whether what a job measures under a plan has drifted since the first
    files, which phase moved, on which ranks, and what in it: which sharding types, with which
    kernel or collective. The files come in the order given, those of a folder by name.

    \b
    Examples:
      shardplan check model.yaml
      shardplan check --cost-model ours.yaml --against ours.csv --plot ours.svg
    """
    changed = settings_of(topology, nodes, settings)
    if cost_model is not None or against is not None:
        if changed or spec is not None or cost_model is None or against is None or resolved:
            raise click.UsageError("--cost-model and --against go together, without a SPEC.")
        _put_comparison(_profile(cost_model), against, plot, form, width)
    elif measured:
        if changed or spec is None or plot is not None or resolved:
            raise click.UsageError(
                "--measured takes a PLAN in place of SPEC, and no other options."
            )
        has_drifted = _put_drift(spec, measured, form, width, watch=watch)
        ctx.exit(ExitCode.DIFFERENT if has_drifted and exit_code else ExitCode.DONE)
    elif watch or exit_code:
        raise click.UsageError("--watch and --exit-code are of --measured.")
    elif spec is None or plot is not None:
        raise click.UsageError(
            "Give a SPEC, or --cost-model and --against (and --plot) for a cost model."
        )
    else:
        _put_checked(spec, changed, form, width, resolved=resolved)


def _put_drift(
    plan: str, measured: tuple[str, ...], form: str, width: int | None, *, watch: bool
) -> bool:
    """Whether a job has drifted, once told."""
    from shardplan.cli.measured_drift import MeasuredDrift

    job = MeasuredDrift(plan, measured, form, width)
    return job.watch() if watch else job.put_once()


def _put_checked(
    spec: str, changed: list[str], form: str, width: int | None, *, resolved: bool
) -> None:
    """What a spec says, with all its faults."""
    from shardplan.spec.load import load_spec

    try:
        loaded = load_spec(spec, changed)
        if loaded.spec.serving is not None:
            from shardplan.serving.served_case import build_served_case

            put(checked_served(build_served_case(loaded), form, width, resolved=resolved))
            return
        checked = _check(loaded)
    except InputError as error:
        if form == "json":
            put_json(_as_value(None, error.diagnostics))
        raise
    for line in diagnostic_lines(checked.warnings):
        tell(line)
    put(_resolved(checked.resolved, form) if resolved else _summary(checked, form, width))


@dataclass(frozen=True, slots=True)
class _Checked:
    """A spec that holds together, and what its writer should know all the same."""

    case: Case
    size: dict[str, Any] | None
    """What is asked of ``size``, as plain values."""
    warnings: tuple[Diagnostic, ...]

    @property
    def resolved(self) -> dict[str, Any]:
        """The spec with every default written out."""
        return self.case.resolved | ({"size": self.size} if self.size else {})


def _check(loaded: LoadedSpec) -> _Checked:
    from shardplan.build_case import build_case
    from shardplan.cli.reports.warnings import warnings_of
    from shardplan.planning.contradictions import contradictions

    case = build_case(loaded)
    if faults := contradictions(loaded, case):
        raise InputError(faults)
    size = None
    if loaded.spec.size is not None:
        from shardplan.size.space.build_space import build_space

        build_space(loaded)  # Whatever its machines name.
        size = loaded.spec.resolved()["size"]
    return _Checked(case, size, warnings_of(loaded, case))


def _resolved(resolved: dict[str, Any], form: str) -> str:
    from shardplan.cli.reports.yaml_text import yaml_text

    if form == "json":
        return json_text(resolved)
    return yaml_text(resolved)


def _summary(checked: _Checked, form: str, width: int | None) -> str:
    from shardplan.cli.reports.case_summary import case_report, case_summary

    summary = case_summary(checked.case)
    if form == "json":
        return json_text(_as_value(asdict(summary), checked.warnings))
    return show_report(case_report(summary), form, width)


def _as_value(
    summary: dict[str, object] | None, diagnostics: tuple[Diagnostic, ...]
) -> dict[str, object]:
    listed = [asdict(diagnostic) for diagnostic in diagnostics]
    for each in listed:
        if each["count"] == 1:  # said only of the entry that counts the rest
            del each["count"]
    return {"summary": summary, "diagnostics": listed}


def _put_comparison(
    profile: Profile, measurements: str, plot: str | None, form: str, width: int | None
) -> None:
    """Hold a cost model against a file of measurements."""
    from shardplan.calibrate.comparison import compare
    from shardplan.calibrate.measurements.measurements_file import read_measurements
    from shardplan.cli.reports.comparison_report import (
        comparison_json,
        comparison_plot,
        comparison_report,
    )

    comparison = compare(profile, read_measurements(measurements))
    if not comparison.cases:
        raise ShardplanError(f"{measurements}: nothing in it that a cost model predicts")
    if plot is not None:
        put_file(comparison_plot(profile.name, comparison), plot)
    if plot == "-":
        return
    if form == "json":
        put_json(comparison_json(profile.name, comparison))
    else:
        put(show_report(comparison_report(profile.name, comparison), form, width))


def _profile(name: str) -> Profile:
    """A cost model by name or path; raises ShardplanError where it predicts nothing measurable."""
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
