"""``shardplan explain``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from shardplan.cli import completions
from shardplan.cli.inputs import READING_SECONDS, file_label, hold
from shardplan.cli.interrupt import interruptible
from shardplan.cli.output import check_writable, put
from shardplan.cli.quantity import duration
from shardplan.cli.sectioned import SectionedCommand
from shardplan.cli.served.any_plan import any_plan_at
from shardplan.cli.served.explain_served import served_explanation
from shardplan.cli.show import FORMATS, show, width_option
from shardplan.solve.deadline import Deadline

if TYPE_CHECKING:
    from shardplan.explain.numbers.study import Study

_GROUPS = {
    "What to show (one of these)": ("table", "device", "select", "measured", "why_not"),
    "Effort": ("time_limit",),
    "Output": ("form", "top", "width"),
}


@click.command("explain", cls=SectionedCommand, groups=_GROUPS)
@click.argument("plan", shell_complete=completions.files)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="table is text for a terminal, html a page with pictures.",
)
@click.option(
    "--table",
    metavar="NAME",
    shell_complete=completions.tables,
    help="Show one table: its shards and its cost by phase.",
)
@click.option("--device", metavar="RANK", type=int, help="Show one device: its phases and tables.")
@click.option(
    "--select",
    metavar="GLOB",
    shell_complete=completions.tables,
    multiple=True,
    help="Show some tables together: a name or a glob such as 'user_*'; may be repeated.",
)
@click.option(
    "--measured",
    metavar="FILE",
    shell_complete=completions.files,
    help="Show what a job measured beside the prediction.",
)
@click.option(
    "--why-not",
    metavar="CHOICE",
    shell_complete=completions.choices,
    help="Show what another choice would cost: TABLE=row_wise, TABLE=fused_uvm, TABLE@rank3.",
)
@click.option(
    "--time-limit",
    type=duration,
    default="60s",
    show_default=True,
    help="How long --why-not may solve.",
)
@click.option(
    "--top",
    metavar="N",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="How many of the costliest tables to show by phase.",
)
@width_option
def explain_command(
    plan: str,
    form: str,
    table: str | None,
    device: int | None,
    select: tuple[str, ...],
    measured: str | None,
    why_not: str | None,
    time_limit: float,
    top: int,
    width: int | None,
) -> None:
    """Show what a plan costs, where and why.

    Needs nothing but the plan file, - for stdin. --format html makes a page with pictures, for a
    browser or for paper.

    --why-not forces a choice on one table: a sharding type, a compute kernel, or a place (@rankN,
    @nodeN). It shows the step first with all else fixed, then solved again with the choice as a
    constraint, and where it hurts: in which phase and on which device, or which memory it
    overflows.

    \b
    Examples:
      shardplan explain plan.json --why-not t_20=row_wise
      shardplan solve model.yaml | shardplan explain - --device 3
    """
    views = (table, device, select or None, measured, why_not)
    if sum(view is not None for view in views) > 1:
        raise click.UsageError(
            "--table, --device, --select, --measured and --why-not exclude one another"
        )
    if plan == measured == "-":
        raise click.UsageError("only one of PLAN and --measured can be stdin")
    deadline = Deadline.after(time_limit + READING_SECONDS)
    from shardplan.explain.numbers.study import Study
    from shardplan.serving.file.served_plan import ServedPlan

    found = any_plan_at(plan)
    if isinstance(found, ServedPlan):
        if any(view is not None for view in views):
            raise click.UsageError("a plan for serving is shown whole, without such options")
        put(served_explanation(found, top, form, width))
        return
    study = Study.of(found, file_label(plan))
    hold(study)
    if table is not None:
        put(_table(study, table, form, width))
    elif device is not None:
        put(_device(study, device, form, width))
    elif select:
        put(_selection(study, select, form, width))
    elif measured is not None:
        put(_beside_measured(study, measured, form, width))
    elif why_not is not None:
        put(_why_not(study, why_not, form, width, deadline.within(time_limit).seconds_left))
    else:
        put(_overview(study, top, form, width, deadline.within(time_limit)))


def _overview(study: Study, top: int, form: str, width: int | None, deadline: Deadline) -> str:
    from shardplan.explain.numbers.explain import explain
    from shardplan.explain.report.overview import overview
    from shardplan.whatif.worth.charge_prices import charge_prices
    from shardplan.whatif.worth.more_hbm import more_hbm

    decisions = study.ledger.decisions
    value = more_hbm(study.case, decisions, deadline=deadline)
    explanation = explain(study, value, charge_prices(study.case, decisions, deadline))
    if form == "html":
        from shardplan.explain.render.html.page import render_html_overview

        return render_html_overview(study, explanation, top)
    return show(explanation, lambda: overview(explanation, top), form, width)


def _table(study: Study, name: str, form: str, width: int | None) -> str:
    from shardplan.explain.numbers.table_detail import table_detail
    from shardplan.explain.report.detail_report import table_report
    from shardplan.spec.matching import TableNameError

    try:
        detail = table_detail(study, name)
    except TableNameError as error:
        hint = "; --select takes globs" if set(name) & set("*?[") else ""
        raise click.BadParameter(f"{error}{hint}", param_hint="--table") from None
    return show(detail, lambda: table_report(detail), form, width)


def _device(study: Study, rank: int, form: str, width: int | None) -> str:
    from shardplan.explain.numbers.device_detail import device_detail
    from shardplan.explain.report.detail_report import device_report

    try:
        detail = device_detail(study, rank)
    except IndexError:
        message = f"ranks are 0 to {study.case.topology.world_size - 1}"
        raise click.BadParameter(message, param_hint="--device") from None
    return show(detail, lambda: device_report(detail), form, width)


def _selection(study: Study, patterns: tuple[str, ...], form: str, width: int | None) -> str:
    from shardplan.explain.numbers.selection import select
    from shardplan.explain.report.selection_report import selection_report

    try:
        found = select(study, patterns)
    except KeyError as error:
        message = f"no table of the plan matches {error.args[0]!r}"
        raise click.BadParameter(message, param_hint="--select") from None
    return show(found, lambda: selection_report(found), form, width)


def _beside_measured(study: Study, path: str, form: str, width: int | None) -> str:
    from shardplan.explain.numbers.beside_measured import beside_measured
    from shardplan.explain.report.beside_report import beside_report
    from shardplan.plan.file.measured import Measured

    found = beside_measured(study.plan, Measured.read(path, study.plan))
    return show(found, lambda: beside_report(found), form, width)


def _why_not(study: Study, choice: str, form: str, width: int | None, seconds: float) -> str:
    """The answer to ``--why-not``, with progress on stderr while it is solved for."""
    from shardplan.cli.reports.progress import progress
    from shardplan.explain.report.why_not_report import why_not_report
    from shardplan.solve.settings import ONE_PASS, Settings
    from shardplan.whatif.choice import Choice, ChoiceError
    from shardplan.whatif.why_not import why_not

    try:
        wanted = Choice.parse(choice, study.case)
    except ChoiceError as error:
        raise click.BadParameter(str(error), param_hint="--why-not") from None
    check_writable("-")
    with interruptible() as interrupt, progress(quiet=False) as reporter:
        settings = Settings(
            time_limit_seconds=seconds,
            seed=study.plan.solver.seed,
            should_stop=interrupt.is_requested,
            effort=ONE_PASS,
        )
        decisions = study.ledger.decisions
        found = why_not(study.plan, study.case, decisions, wanted, settings, reporter)
    return show(found, lambda: why_not_report(found), form, width)
