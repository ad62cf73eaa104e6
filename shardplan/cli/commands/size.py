"""``shardplan size``."""

from __future__ import annotations

import click

from shardplan.cli import completions
from shardplan.cli.fronts.show_front import FRONT_FORMATS
from shardplan.cli.quantity import duration, percentage
from shardplan.cli.sectioned import SectionedCommand
from shardplan.cli.show import width_option
from shardplan.cli.sizing.size_request import ENGINES, SizeRequest
from shardplan.cli.spec_changes import sets_spec
from shardplan.surroundings import cores

_GROUPS = {
    "The spec": ("settings",),
    "Effort": ("gap", "time_limit", "solve_limit", "seed", "threads", "engine"),
    "Other machines": ("vary", "budget"),
    "Output": ("output", "plans", "form", "explain", "width", "quiet"),
}
_EXIT_CODES = {
    3: "no candidate can reach the target, which is proven",
    4: "none was found within the limits",
    130: "interrupted before there was a plan",
}


@click.command("size", cls=SectionedCommand, groups=_GROUPS, exit_codes=_EXIT_CODES)
@click.argument("spec", shell_complete=completions.files)
@sets_spec
@click.option(
    "--gap",
    type=percentage,
    default="1%",
    show_default=True,
    help="Stop once no candidate is proven to beat the front by more than this.",
)
@click.option(
    "--time-limit",
    type=duration,
    default="10min",
    show_default=True,
    help="Stop after so long, with the front so far.",
)
@click.option(
    "--solve-limit",
    type=duration,
    default="15s",
    show_default=True,
    help="How long each solve of a candidate may take.",
)
@click.option(
    "--seed",
    metavar="N",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of the random numbers.",
)
@click.option(
    "--threads",
    metavar="N",
    type=click.IntRange(min=1),
    default=cores,
    show_default="all cores the process may use",
    envvar="SHARDPLAN_THREADS",
    show_envvar=True,
    help="Candidates side by side; the front does not depend on it.",
)
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default=ENGINES[0],
    show_default=True,
    help="Where candidates are solved; ray: on the cluster that RAY_ADDRESS names.",
)
@click.option(
    "--vary",
    metavar="PATH=VALUES",
    multiple=True,
    help="Answer what machines would do that have other figures, such as nics.rate=100..400Gb/s; "
    "@20/GB/s behind it is a price.",
)
@click.option(
    "--budget",
    metavar="MONEY",
    type=click.FloatRange(min=0, min_open=True),
    help="With --vary: of all that prices allow, find the machine with the least step.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    default="-",
    shell_complete=completions.files,
    help="Where to write the answer; else stdout.",
)
@click.option(
    "--plans",
    metavar="DIR",
    shell_complete=completions.files,
    help="Write the plan of each point of the front into a folder.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FRONT_FORMATS),
    default="table",
    show_default=True,
    help="Format of the answer.",
)
@click.option("--explain", is_flag=True, help="Say of every candidate what rules it out.")
@width_option
@click.option("-q", "--quiet", is_flag=True, help="Say nothing on the way.")
@click.pass_context
def size_command(ctx: click.Context, /, **_: object) -> None:
    """Find which machine, how many nodes of it and at what price.

    The section size of the spec names machines, numbers of nodes, batches, groups and prices, and
    what has to be reached. Answered is the front: the candidates that no other beats in time and
    cost, each with a plan, its bound, and what its step waits for. Of all others it is proven that
    they cannot, or that one of the front beats them whatever their plans; most are never planned.

    Ctrl-C stops the search with the front so far, and says which candidates are open.

    \b
    Examples:
      shardplan size model.yaml --gap 2% --plans plans
      shardplan size model.yaml --explain --format html -o front.html
    """
    request = SizeRequest(**ctx.params)
    if request.budget is not None and not request.vary:
        raise click.UsageError("--budget is for machines that --vary describes")
    if request.vary:
        from shardplan.cli.sizing.vary_one import vary_one

        ctx.exit(vary_one(request))
    from shardplan.cli.sizing.size_one import size_one

    ctx.exit(size_one(request))
