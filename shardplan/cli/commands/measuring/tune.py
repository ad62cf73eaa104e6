"""``shardplan tune``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from shardplan.cli import completions
from shardplan.cli.output import check_writable, put, tell
from shardplan.cli.quantity import budget, duration
from shardplan.cli.sectioned import SectionedCommand
from shardplan.cli.show import FORMATS, show, width_option
from shardplan.cli.spec_changes import SPEC_CHANGES, changes_spec
from shardplan.cli.tuning.tune_request import TuneRequest

if TYPE_CHECKING:
    from shardplan.tune.tuned import Tuned

_GROUPS = {
    "The spec": SPEC_CHANGES,
    "The job": ("command", "engine", "steps", "timeout", "given"),
    "Effort": ("budget", "rounds", "patience", "time_limit", "seed"),
    "Output": ("output", "form", "width", "quiet"),
}
_EXIT_CODES = {3: "", 4: "no plan, or none had run when the budget was spent", 130: ""}


@click.command("tune", cls=SectionedCommand, groups=_GROUPS, exit_codes=_EXIT_CODES)
@click.argument("spec", shell_complete=completions.files)
@changes_spec
@click.option(
    "--run",
    "command",
    metavar="CMD",
    help="What runs a plan: words with {plan} and {measured} in them; else the executor trains.",
)
@click.option(
    "--engine",
    type=click.Choice(["native", "torchrec"]),
    default="native",
    show_default=True,
    help="What trains where there is no --run.",
)
@click.option(
    "--steps",
    metavar="N",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many steps it times in each run.",
)
@click.option(
    "--timeout",
    type=duration,
    default="10min",
    show_default=True,
    help="How long one run may take.",
)
@click.option(
    "--against",
    "given",
    metavar="PLAN",
    multiple=True,
    shell_complete=completions.files,
    help="A plan of your own to run too; may be repeated.",
)
@click.option(
    "--budget",
    metavar="DURATION",
    type=budget,
    default="10m",
    show_default=True,
    help="Stop after about this long.",
)
@click.option(
    "--rounds",
    metavar="N",
    type=click.IntRange(min=1),
    default=6,
    show_default=True,
    help="Correct the model and solve again at most so often, the first round included.",
)
@click.option(
    "--patience",
    metavar="N",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Stop when the fastest plan has not changed for so many rounds.",
)
@click.option(
    "--time-limit",
    type=duration,
    default="10s",
    show_default=True,
    help="How long each solve may take.",
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
    "-o",
    "--output",
    metavar="DIR",
    required=True,
    shell_complete=completions.files,
    help="Folder of the plans, what they measured, best.json and cost_model.yaml.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="Format of the report.",
)
@width_option
@click.option("-q", "--quiet", is_flag=True, help="Say nothing on the way.")
@click.pass_context
def tune_command(ctx: click.Context, /, **_: object) -> None:
    """Run plans on your own job and keep the fastest.

    Runs the plan that solve finds, the best plans with some of the sharding types alone, the
    published baselines and those of --against, a few steps each, in turn, pass after pass. Then
    corrects the cost model by what was measured and solves again, until the fastest plan stays the
    same. No plan that ran is faster than best.json by more than 1%, or the report says which may
    be.

    CMD runs once for each run of a plan, without a shell: it reads the plan file that stands for
    {plan} and writes what it measured to {measured}, JSON with at least step_seconds. A plan under
    which it fails is left out.

    DIR keeps what is known. Run again, tuning goes on, and nothing is measured twice. Ctrl-C keeps
    the fastest plan so far. A spec may name DIR/cost_model.yaml as its cost model.

    \b
    Examples:
      shardplan tune model.yaml -o tuned --run 'python job.py {plan} {measured}'
      shardplan tune model.yaml -o trained --steps 50 --budget 5m --format json
    """
    form, width = ctx.params.pop("form"), ctx.params.pop("width")
    request = TuneRequest(**ctx.params)
    check_writable("-")
    from shardplan.cli.tuning.tune_one import tune_one

    found = tune_one(request)
    put(_shown(found, form, width))
    if not request.quiet:
        for line in request.written(found):
            tell(line)


def _shown(found: Tuned, form: str, width: int | None) -> str:
    from shardplan.cli.reports.tune_report import tune_report

    return show(found, lambda: tune_report(found), form, width)
