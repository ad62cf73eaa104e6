"""``shardplan convert``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shardplan.cli import completions
from shardplan.cli.inputs import file_label, plan_at
from shardplan.cli.interrupt import interruptible
from shardplan.cli.output import check_writable, put, put_file, put_json
from shardplan.cli.quantity import duration
from shardplan.cli.sectioned import SectionedCommand
from shardplan.cli.show import FORMATS, show_report, width_option

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.convert.from_torchrec.reading import Reading
    from shardplan.whatif.appraise import Appraisal

TARGETS = (
    "dynamicemb",
    "dynamicemb-json",
    "torcheasyrec",
    "torchrun",
    "slurm",
    "kubernetes",
)
_GROUPS = {
    "To other programs": ("target",),
    "From TorchRec's planner": ("source", "spec", "time_limit", "form", "width"),
    "Output": ("output",),
}


@click.command("convert", cls=SectionedCommand, groups=_GROUPS)
@click.argument("plan", shell_complete=completions.files)
@click.option(
    "--to",
    "target",
    type=click.Choice(TARGETS),
    default=TARGETS[0],
    show_default=True,
    help="For whom: options of dynamicemb as Python or JSON, dynamicemb {} of TorchEasyRec; or "
    "what starts the job.",
)
@click.option(
    "--from",
    "source",
    type=click.Choice(["torchrec"]),
    help="Read a plan of TorchRec's planner, and rate it.",
)
@click.option(
    "--spec",
    metavar="SPEC",
    shell_complete=completions.files,
    help="The tables and the machine that the TorchRec plan is of.",
)
@click.option(
    "--time-limit",
    type=duration,
    default="60s",
    show_default=True,
    help="How long to look for the bound and for changes.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="Format of the rating.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    shell_complete=completions.files,
    help="Where to write the options, else stdout; or the plan file of a TorchRec plan.",
)
@width_option
def convert_command(
    plan: str,
    target: str,
    source: str | None,
    spec: str | None,
    time_limit: float,
    form: str,
    output: str | None,
    width: int | None,
) -> None:
    """Hand a plan to other programs, or take one from TorchRec's planner.

    Of tables that are dynamic, --to writes the budget of HBM for values, whether it is a cache, and
    the rest that the plan was made with. To torchrun, slurm and kubernetes it writes what starts
    a process for each device of the plan, which checks its world by `verify --against-world` first.

    --from torchrec reads what a job printed of its plan: str(sharding_plan), the JSON of
    sharding_plan._serialize(), or the table that EmbeddingStats logs; - for stdin. It says how far
    the plan is from the bound of all plans of the SPEC, what holds it up, and which three tables at
    most were found to bring most if changed. -o writes it as a plan file.

    \b
    Examples:
      shardplan convert dynamic.json --to torcheasyrec -o tables.pbtxt
      shardplan convert torchrec_plan.txt --from torchrec --spec model.yaml -o theirs.json
    """
    if (source is None) != (spec is None):
        raise click.UsageError("--from and --spec go together")
    if output is not None:
        check_writable(output)
    if source is None or spec is None:
        from shardplan.convert.targets import converted

        put_file(converted(plan_at(plan), target, plan), output or "-")
        return
    if plan == spec == "-":
        raise click.UsageError("only one of PLAN and --spec can be stdin")
    if output == "-":
        raise click.UsageError("the rating goes to stdout: give -o a file")
    found, readings, assumed = _appraised(plan, _case(spec), time_limit)
    if output is not None:
        from shardplan.plan.file.write import render

        put_file(render(found.plan), output)
    _show(found, readings, assumed, form, width)


def _case(spec: str) -> Case:
    from shardplan.build_case import build_case
    from shardplan.spec.load import load_spec

    return build_case(load_spec(spec))


def _appraised(
    path: str, case: Case, time_limit: float
) -> tuple[Appraisal, tuple[Reading, ...], str]:
    """With what of the plan was read as something else, and what it does not tell."""
    from shardplan.convert.from_torchrec.decisions import decisions_of
    from shardplan.convert.from_torchrec.read_text import read_text
    from shardplan.convert.from_torchrec.reading import readings
    from shardplan.convert.from_torchrec.stated_world import StatedWorld
    from shardplan.solve.reporter import Reporter
    from shardplan.solve.settings import ONE_PASS, Settings
    from shardplan.whatif.appraise import appraise

    label = file_label(path)
    stated = read_text(_text(path), label)
    decisions = decisions_of(stated, case, label)
    with interruptible("stopping with what is known so far") as interrupt:
        settings = Settings(
            time_limit_seconds=time_limit, should_stop=interrupt.is_requested, effort=ONE_PASS
        )
        found = appraise(case, decisions, settings, Reporter())
    assumed = StatedWorld.of(stated).assumed(case.topology.world)
    return found, readings(stated, decisions, case), assumed


def _text(path: str) -> str:
    from shardplan.spec.text.document import decode, read_text

    if path == "-":
        return decode(sys.stdin.buffer.read(), file_label(path))
    return read_text(Path(path), path)


def _show(
    found: Appraisal,
    readings: tuple[Reading, ...],
    assumed: str,
    form: str,
    width: int | None,
) -> None:
    from shardplan.explain.numbers.explain import explain
    from shardplan.explain.numbers.study import Study
    from shardplan.explain.report.appraisal_report import appraisal_numbers, appraisal_report

    explanation = explain(Study.of(found.plan, found.plan.name))
    if form == "json":
        put_json(appraisal_numbers(found, explanation, readings, assumed))
    else:
        report = appraisal_report(found, explanation, readings, assumed)
        put(show_report(report, form, width))
