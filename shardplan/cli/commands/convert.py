"""``shardplan convert``."""

from __future__ import annotations

import click

from shardplan.cli import completions
from shardplan.cli.inputs import plan_at
from shardplan.cli.output import check_writable, put_file
from shardplan.cli.sectioned import SectionedCommand

TARGETS = (
    "dynamicemb",
    "dynamicemb-json",
    "torcheasyrec",
    "torchrun",
    "slurm",
    "kubernetes",
)


@click.command("convert", cls=SectionedCommand)
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
    "-o",
    "--output",
    metavar="FILE",
    default="-",
    shell_complete=completions.files,
    help="Where to write them; else stdout.",
)
def convert_command(plan: str, target: str, output: str) -> None:
    """Write what a plan hands out to other programs.

    Of tables that are dynamic: the budget of HBM for values, whether it is a cache, and the rest
    that the plan was made with.

    To torchrun, slurm and kubernetes: a script or manifest that starts one process for each device
    of the plan. Each checks its world by `shardplan verify --against-world` first.

    \b
    Examples:
      shardplan convert dynamic.json
      shardplan convert dynamic.json --to torcheasyrec -o tables.pbtxt
      shardplan convert plan.json --to slurm -o job.sh
    """
    from shardplan.convert.targets import converted

    check_writable(output)
    put_file(converted(plan_at(plan), target, plan), output)
