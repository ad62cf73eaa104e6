"""``shardplan solve``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from shardplan.cli.interrupt import interruptible
from shardplan.cli.output import check_writable, put_file
from shardplan.cli.quantity import duration, percentage
from shardplan.solve.settings import METHODS, Settings

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.plan.plan import Plan

_DEFAULTS = Settings()


@click.command("solve")
@click.argument("spec")
@click.option("-o", "--output", metavar="PLAN", default="-", help="Where to write the plan.")
@click.option(
    "--method",
    type=click.Choice(METHODS),
    default=_DEFAULTS.method,
    show_default=True,
    help="How to search; `shardplan list methods` says what each does.",
)
@click.option(
    "--gap",
    type=percentage,
    default=f"{100 * _DEFAULTS.gap:g}%",
    show_default=True,
    help="Stop once the plan is proven to be so close to the best.",
)
@click.option(
    "--time-limit",
    type=duration,
    default=f"{_DEFAULTS.time_limit_seconds:g}s",
    show_default=True,
    help="Stop after so long with the best plan so far.",
)
@click.option(
    "--node-limit",
    metavar="N",
    type=click.IntRange(min=1),
    help="Nodes of each branch-and-bound tree; unlike time, the same on every machine.",
)
@click.option("--seed", type=click.IntRange(min=0), default=_DEFAULTS.seed, show_default=True)
@click.option("--format", type=click.Choice(["json"]), expose_value=False, help="Of the plan.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing unless something is wrong.")
def solve_command(
    spec: str,
    output: str,
    method: str,
    gap: float,
    time_limit: float,
    node_limit: int | None,
    seed: int,
    quiet: bool,
) -> None:
    """Find the best plan for a spec.

    The plan goes to stdout, or with -o to a file that is written whole or not at all; how good it
    is goes to stderr. Ctrl-C stops the search and writes the best plan so far.

    \b
    Examples:
      shardplan solve model.yaml -o plan.json
      shardplan solve model.yaml --gap 0.1% --time-limit 10min -o plan.json
    """
    # From here on, so that a Ctrl-C while modules load or the spec is read is remembered.
    with interruptible() as interrupt:
        from shardplan.case import build_case
        from shardplan.cli.solve_summary import summary_lines
        from shardplan.plan.write import render
        from shardplan.spec.load import load_spec

        check_writable(output)
        case = build_case(load_spec(spec))
        settings = Settings(method, gap, time_limit, node_limit, seed, interrupt.is_requested)
        plan = _solve(case, settings, quiet)
        put_file(render(plan), output)
    for line in [] if quiet else summary_lines(plan, case, output):
        click.echo(line, err=True)


def _solve(case: Case, settings: Settings, quiet: bool) -> Plan:
    """Solve with progress on stderr."""
    from shardplan.cli.progress import progress
    from shardplan.planner import make_plan

    with progress(quiet) as reporter:
        return make_plan(case, settings, reporter)
