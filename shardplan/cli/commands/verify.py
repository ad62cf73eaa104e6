"""``shardplan verify``."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from shardplan.cli import completions
from shardplan.cli.exit_code import ExitCode
from shardplan.cli.inputs import case_of_plan, file_label
from shardplan.cli.output import put, put_json, tell
from shardplan.cli.sectioned import SectionedCommand
from shardplan.cli.served.any_plan import any_plan_at
from shardplan.cli.served.verify_served import served_findings, served_praise
from shardplan.cli.show import FORMATS, show_lines, show_report, width_option
from shardplan.errors import MOST_SHOWN, InputError, first_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shardplan.case import Case
    from shardplan.explain.report.report import Report
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.finding import Finding
    from shardplan.whatif.old_plan import CostUnder


@click.command(
    "verify",
    cls=SectionedCommand,
    exit_codes={1: "something is wrong with the plan"},
)
@click.argument("plan", shell_complete=completions.files)
@click.argument("spec", required=False, shell_complete=completions.files)
@click.option(
    "--against-world",
    is_flag=True,
    help="Inside a job: check too that its processes and devices are those that it is for.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="Format of the findings.",
)
@width_option
@click.pass_context
def verify_command(
    ctx: click.Context,
    plan: str,
    spec: str | None,
    against_world: bool,
    form: str,
    width: int | None,
) -> None:
    """Check that a plan is complete, legal, fits and is fresh.

    Checks what the runtime demands, the memory of every device and node, and the prediction, which
    is recomputed. Without a SPEC, the one inside the plan is used. With one, it also says which
    inputs changed and what the plan would cost under it, its tables cut as before but with today's
    rows. Exits with 1 where anything is wrong.

    --against-world is for the start of a job: each process reads from its environment, as torchrun,
    srun or mpirun set it, how many there are, how many on each node and which it is. Where PyTorch
    sees GPUs, each must have free what the plan is predicted to take of it. Rank 0 alone says that
    all is well.

    \b
    Examples:
      shardplan verify plan.json
      shardplan verify plan.json model.yaml
    """
    from shardplan.build_case import build_case
    from shardplan.plan.verify import verify
    from shardplan.serving.file.served_plan import ServedPlan
    from shardplan.spec.load import load_spec
    from shardplan.startup.job_check import JobCheck

    if plan == spec == "-":
        raise click.UsageError("only one of PLAN and SPEC can be stdin")
    found = any_plan_at(plan)
    if isinstance(found, ServedPlan):
        if against_world:
            raise click.UsageError("--against-world is for jobs that train")
        served = served_findings(found, spec)
        remarks = [] if served else [f"{file_label(plan)}: good: {served_praise(found)}"]
        _put_findings(ctx, found.name, served, remarks, {}, form, width)
        return
    now = build_case(load_spec(spec)) if spec else None
    around = JobCheck.of(found, os.environ) if against_world else None
    findings = verify(found, now)
    under = _cost_under(found, plan, now) if now and findings else None
    remarks = list(_words(under, found, now)) if under and now else []
    if around is not None:
        findings = (*findings, *around.findings)
    if not findings and (around is None or around.is_first):
        good = f"{file_label(plan)}: good: {_praise(found)}"
        remarks = [good, *(around.praise if around else ())]
    more = {"under_spec": asdict(under)} if under else {}
    _put_findings(ctx, found.name, findings, remarks, more, form, width)


def _put_findings(
    ctx: click.Context,
    name: str,
    findings: Sequence[Finding],
    remarks: Sequence[str],
    more: Mapping[str, object],
    form: str,
    width: int | None,
) -> None:
    """Show what was found, and end with the exit code that says so; ``more`` is for JSON."""
    if form == "json":
        put_json({"findings": [asdict(finding) for finding in findings], **more})
    elif form == "table":
        put(show_lines((*first_of(findings), *remarks), width))
    else:
        put(show_report(_report(f"{name}: verified", findings, remarks), form))
    if findings:
        tell(f"{len(findings):,} finding" + ("s" if len(findings) > 1 else ""))
        ctx.exit(ExitCode.FAILED_VERIFICATION)


def _cost_under(plan: Plan, file: str, now: Case) -> CostUnder | None:
    """What the plan would cost under the spec; None where it does not say for what it was made."""
    from shardplan.whatif.old_plan import cost_under

    try:
        then = case_of_plan(plan, file_label(file))
    except InputError:
        return None
    return cost_under(plan, then, now)


def _report(title: str, findings: Sequence[Finding], remarks: Sequence[str]) -> Report:
    from shardplan.explain.report.report import Column, Grid, Report, Section

    columns = (
        Column("rule"),
        Column("where", is_name=True),
        Column("what is wrong", is_prose=True),
    )
    rows = tuple((one.code, one.where, one.message) for one in findings[:MOST_SHOWN])
    grid = Grid(columns, rows) if rows else None
    told = (*first_of(findings)[MOST_SHOWN:], *remarks)
    return Report(title, (Section("Findings" if rows else "Checks", grid=grid, remarks=told),))


def _words(under: CostUnder, plan: Plan, now: Case) -> Iterator[str]:
    from shardplan.explain.report.why_not_report import breach_words
    from shardplan.explain.words import words
    from shardplan.plan.throughput import Throughput

    if under.step_seconds is None:
        yield "under the spec: the plan holds none of its tables"
        return
    then = Throughput.of_plan(plan)
    rate = Throughput.of(now.samples, under.step_seconds).samples_per_second
    yield (
        f"under the spec: step {words.seconds(under.step_seconds)}, {words.rate(rate)}; "
        f"was {words.seconds(under.old_step_seconds)}"
        + (f", {words.rate(then.samples_per_second)}" if then else "")
    )
    if under.lost:
        yield f"under the spec: without {words.name_some(under.lost)}, which it has no place for"
    if under.breaches:
        yield f"under the spec: does not fit: {breach_words(under.breaches)}"


def _praise(plan: Plan) -> str:
    return (
        f"all {plan.table_count:,} tables are covered once, legal and fit {plan.world_size:,} "
        "devices; the prediction holds; gap and bound are as the solver claimed, not proven again"
    )
