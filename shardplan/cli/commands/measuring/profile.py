"""``shardplan profile``."""

from __future__ import annotations

import click

from shardplan.cli import completions
from shardplan.cli.exit_code import ExitCode
from shardplan.cli.interrupt import ended_by_signals
from shardplan.cli.profiling.profile_request import ProfileRequest
from shardplan.cli.quantity import percentage, size
from shardplan.cli.sectioned import SectionedCommand

_GROUPS = {
    "What is read": ("features", "form", "day", "skew_days", "nulls", "sample"),
    "What is told": ("batch", "access", "shuffled", "joint"),
    "Output": ("output", "hot_rows", "hot", "quiet"),
    "Drift": ("against", "plan"),
    "Engine": ("engine", "engine_option", "memory", "work", "keep"),
}


@click.command(
    "profile",
    cls=SectionedCommand,
    groups=_GROUPS,
    exit_codes={1: "with --against, tables moved; with --plan, another plan would pay"},
)
@click.argument("data", nargs=-1, required=True, shell_complete=completions.files)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    shell_complete=completions.files,
    help="The tables; .parquet, .yaml or .csv.",
)
@click.option(
    "--features",
    metavar="FILE",
    shell_complete=completions.files,
    help="Which columns share a table, and what the trainer does to ids; a .yaml file.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(("parquet", "arrow", "criteo", "csv", "jsonl")),
    help="Of the data; by default as its names end.",
)
@click.option(
    "--day",
    metavar="COLUMN|PATTERN",
    help="The column of days, or what in paths is a day: 'day_*'.",
)
@click.option(
    "--skew-days",
    metavar="N",
    type=click.IntRange(min=1),
    help="Skew of so many days, the last ones, and rows of all; 1 by default.",
)
@click.option(
    "--null",
    "nulls",
    metavar="TEXT",
    multiple=True,
    help="A text that means a missing value, like NA; may be repeated.",
)
@click.option("--sample", metavar="SHARE", type=percentage, help="Read whole batches only, 1%.")
@click.option(
    "--batch",
    metavar="N",
    type=click.IntRange(min=1),
    default=65_536,
    show_default=True,
    help="Samples of a step over all devices.",
)
@click.option(
    "--access",
    type=click.Choice(("cdf", "zipf", "reuse")),
    default="cdf",
    show_default=True,
    help="How the skew of ids is written.",
)
@click.option("--shuffled", is_flag=True, help="The job shuffles all samples.")
@click.option("--joint", is_flag=True, help="Count pairs of small tables that may be merged.")
@click.option(
    "--hot-rows",
    metavar="FOLDER",
    shell_complete=completions.files,
    help="Write the hottest ids of each table there.",
)
@click.option(
    "--hot",
    metavar="N",
    type=click.IntRange(min=1),
    default=100_000,
    show_default=True,
    help="How many of them; with --hot-rows.",
)
@click.option(
    "--against",
    metavar="OLD",
    shell_complete=completions.files,
    help="Tables of an older profile: which have moved since?",
)
@click.option(
    "--plan",
    metavar="PLAN",
    shell_complete=completions.files,
    help="What the new data does to this plan; with --against.",
)
@click.option(
    "--engine",
    type=click.Choice(("duckdb", "spark", "ray")),
    default="duckdb",
    show_default=True,
    help="What counts: this process, or your own Spark or Ray.",
)
@click.option(
    "--engine-option",
    metavar="KEY=VALUE",
    multiple=True,
    help="A setting of the engine; may be repeated.",
)
@click.option("--memory", metavar="SIZE", type=size, help="Of this process's engine, such as 8GiB.")
@click.option(
    "--work",
    metavar="FOLDER",
    shell_complete=completions.files,
    help="Keep there what text is made into; a run that was stopped goes on.",
)
@click.option(
    "--keep",
    metavar="FOLDER",
    shell_complete=completions.files,
    help="Keep counts there too: another day is then counted alone.",
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing unless something is wrong.")
@click.pass_context
def profile_command(ctx: click.Context, /, **_: object) -> None:
    """Take tables for a spec from the data that they are trained on.

    Reads Parquet, Arrow, CSV, JSON lines and Criteo's text; files, folders, globs and URLs. Counts
    how often each id is read, and writes what a spec needs of each table: rows, ids of a sample,
    which share of the rows draws which share of the reads, the order of ids. A spec names the file
    as its tables_file. Beside it lie all counts (.profile.json) and what later data is held against
    (.reference.parquet).

    \b
    Examples:
      shardplan profile 'data/*.parquet' -o tables.csv
      shardplan profile data/day_1.parquet --batch 256 --against tables.csv
    """
    with ended_by_signals():
        request = ProfileRequest(**ctx.params)
        request.check()
        from shardplan.profile.profile_files import check_installed

        check_installed(request.engine)
        from shardplan.cli.profiling.profile_one import profile_one

        is_alarm = profile_one(request)
    if is_alarm:
        ctx.exit(ExitCode.DIFFERENT)
