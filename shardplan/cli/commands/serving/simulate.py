"""``shardplan simulate``."""

from __future__ import annotations

import click

from shardplan.cli import completions
from shardplan.cli.exit_code import ExitCode
from shardplan.cli.inputs import file_label
from shardplan.cli.output import put, put_json
from shardplan.cli.sectioned import SectionedCommand
from shardplan.cli.served.any_plan import any_plan_at
from shardplan.cli.show import FORMATS, show_report, width_option
from shardplan.errors import ShardplanError

_GROUPS = {
    "What comes": ("queries", "load", "trace", "seed"),
    "What serves": ("down",),
    "Output": ("exit_code", "form", "width"),
}
_MOST_QUERIES = 20_000_000


@click.command(
    "simulate",
    cls=SectionedCommand,
    groups=_GROUPS,
    exit_codes={1: "a limit is broken, with --exit-code"},
)
@click.argument("plan", shell_complete=completions.files)
@click.option(
    "--queries",
    metavar="N",
    type=click.IntRange(1, _MOST_QUERIES),
    default=200_000,
    show_default=True,
    help="How many come.",
)
@click.option(
    "--load",
    metavar="FACTOR",
    type=click.FloatRange(0, 1e6, min_open=True),
    default=1.0,
    show_default=True,
    help="Times the load of the spec at its peak.",
)
@click.option(
    "--trace",
    metavar="CSV",
    shell_complete=completions.files,
    help="Queries as they came: seconds,candidates.",
)
@click.option(
    "--seed",
    metavar="N",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of what is drawn.",
)
@click.option(
    "--down",
    metavar="N",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Replicas that are down.",
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 where a limit is broken.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="Format of the report.",
)
@width_option
@click.pass_context
def simulate_command(
    ctx: click.Context,
    plan: str,
    queries: int,
    load: float,
    trace: str | None,
    seed: int,
    down: int,
    exit_code: bool,
    form: str,
    width: int | None,
) -> None:
    """Simulate a plan for serving under load.

    Queries come as the spec says at its peak, or as in a trace, each to a replica drawn at random,
    where it waits for a worker. Told are percentiles of latency, how sure they are, what the
    formulas predict beside, and the load up to which all limits are kept, with a replica down too.
    How long a batch takes is what the plan says; the simulation checks what waiting adds.

    --trace takes a CSV file with the time of arrival and the candidates of each query, in the order
    of arrival; --load 2 then lets them come twice as fast.

    \b
    Examples:
      shardplan simulate served.json
      shardplan simulate served.json --load 1.2 --down 1 --exit-code
    """
    from shardplan.explain.report.served.simulated_report import (
        UnderLoad,
        simulated_numbers,
        simulated_report,
    )
    from shardplan.serving.file.served_plan import ServedPlan
    from shardplan.serving.peak_latency import told_shares
    from shardplan.serving.served_case import served_case_of_value
    from shardplan.simulation.arrivals import Arrivals
    from shardplan.simulation.simulate import Scenario, simulate

    found = any_plan_at(plan)
    if not isinstance(found, ServedPlan):
        raise ShardplanError(f"{file_label(plan)}: is a plan for training, not for serving")
    serving = served_case_of_value(found.resolved, f"{found.name} (resolved)").serving
    came = Arrivals.read(trace) if trace is not None else None
    scenario = Scenario(queries, load, down, came, seed)
    under = UnderLoad(
        found, serving, scenario, simulate(found, serving, scenario, told_shares(serving))
    )
    if form == "json":
        put_json(simulated_numbers(under))
    else:
        put(show_report(simulated_report(under), form, width))
    ctx.exit(ExitCode.DIFFERENT if exit_code and under.broken else ExitCode.DONE)
