"""``shardplan diff``."""

from __future__ import annotations

import click

from shardplan.cli import completions
from shardplan.cli.exit_code import ExitCode
from shardplan.cli.inputs import case_of_plan, file_label, plan_at
from shardplan.cli.output import check_writable, put, put_file
from shardplan.cli.sectioned import SectionedCommand
from shardplan.cli.show import FORMATS, show, width_option


@click.command(
    "diff",
    cls=SectionedCommand,
    exit_codes={1: "the plans differ, with --exit-code"},
)
@click.argument("old", shell_complete=completions.files)
@click.argument("new", shell_complete=completions.files)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="table is text for a terminal, html a page.",
)
@click.option(
    "--as-written",
    is_flag=True,
    help="Take the ranks as the plans name them, though equal nodes and devices may be swapped.",
)
@click.option(
    "-o",
    "--output",
    metavar="PLAN",
    shell_complete=completions.files,
    help="Write NEW with the names of ranks under which least moves.",
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 where the plans differ.")
@width_option
@click.pass_context
def diff_command(
    ctx: click.Context,
    old: str,
    new: str,
    form: str,
    as_written: bool,
    output: str | None,
    exit_code: bool,
    width: int | None,
) -> None:
    """Show what changes when one plan follows another.

    Says which tables move, how many bytes of weights and optimizer state that takes, over which
    links and for how long, what the step then costs by phase and by device, and which inputs
    differ: spec, topology or cost model, key by key. A rank keeps what it already holds. - means
    stdin.

    Nodes, and the devices of a node, are equal: before it compares, diff gives the ranks of NEW the
    names under which least moves, and says so. What it tells is then of NEW with these names, which
    -o writes; --as-written compares NEW as it is.

    \b
    Examples:
      shardplan diff old.json new.json
      shardplan diff old.json new.json --exit-code --format json
    """
    from shardplan.explain.report.diff_report import diff_report
    from shardplan.plan.diff.plan_diff import diff_plans
    from shardplan.plan.file.write import render
    from shardplan.whatif.relabel import relabel

    if old == new == "-":
        raise click.UsageError("only one of OLD and NEW can be stdin")
    if output == "-" or (output is not None and as_written):
        raise click.UsageError("-o takes a file, and not --as-written")
    if output is not None:
        check_writable(output, [old])
    before, after = plan_at(old), plan_at(new)
    case, relabelling = case_of_plan(after, file_label(new)), None
    if not as_written:
        after, relabelling = relabel(before, after, case)
    if output is not None:
        put_file(render(after), output)
    diff = diff_plans(before, after, case, relabelling)
    if form == "html":
        from shardplan.explain.render.html.page import render_html_diff

        put(render_html_diff(diff_report(diff), before.prediction, after.prediction))
    else:
        put(show(diff, lambda: diff_report(diff), form, width))
    if exit_code and not diff.is_empty:
        ctx.exit(ExitCode.DIFFERENT)
