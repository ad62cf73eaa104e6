"""``shardplan profile``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from shardplan.cli import completions
from shardplan.cli.exit_code import ExitCode
from shardplan.cli.inputs import case_of_plan, plan_at
from shardplan.cli.interrupt import ended_by_signals
from shardplan.cli.output import check_writable, put, tell
from shardplan.cli.quantity import percentage, size
from shardplan.cli.sectioned import SectionedCommand
from shardplan.cli.show import say_lines

if TYPE_CHECKING:
    from shardplan.profile.drift.drift import ProfileDrift
    from shardplan.profile.drift.reference import Reference
    from shardplan.profile.profile_files import Reading
    from shardplan.profile.tables.profile import Profile
    from shardplan.profile.tables.table_profile import Asked

_ENDINGS = (".csv", ".parquet", ".yaml", ".yml")
_BOUND_SECONDS = 60.0
_GROUPS = {
    "What is read": ("features", "form", "day", "nulls", "sample"),
    "What is told": ("batch", "access", "shuffled", "joint"),
    "Output": ("output", "hot_rows", "hot", "quiet"),
    "Drift": ("against", "plan"),
    "Engine": ("engine", "engine_option", "memory", "work"),
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
@click.option("-q", "--quiet", is_flag=True, help="Say nothing unless something is wrong.")
@click.pass_context
def profile_command(
    ctx: click.Context,
    data: tuple[str, ...],
    output: str | None,
    features: str | None,
    form: str | None,
    day: str | None,
    nulls: tuple[str, ...],
    sample: float | None,
    batch: int,
    access: str,
    shuffled: bool,
    joint: bool,
    hot_rows: str | None,
    hot: int,
    against: str | None,
    plan: str | None,
    engine: str,
    engine_option: tuple[str, ...],
    memory: float | None,
    work: str | None,
    quiet: bool,
) -> None:
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
    from shardplan.profile.fit.access_form import AccessForm
    from shardplan.profile.profile_files import Reading, check_installed

    if output is None and against is None:
        raise click.UsageError("say where the tables go (-o), or what to hold them against")
    if plan is not None and against is None:
        raise click.UsageError("--plan goes with --against")
    if output is not None:
        if Path(output).suffix not in _ENDINGS:
            raise click.UsageError(f"-o must end in .csv, .parquet or .yaml (got {output})")
        check_writable(output, data)
    if hot_rows is not None and output is None:
        raise click.UsageError("--hot-rows goes with -o")
    if sample == 0:
        raise click.UsageError("--sample must be above 0%")
    check_installed(engine)
    from shardplan.profile.sources.found import DataFormat
    from shardplan.profile.tables.table_profile import Asked

    asked = Asked(batch, 1.0 if sample is None else sample, AccessForm(access), shuffled)
    reading = Reading(
        engine,
        dict(map(_setting, engine_option)),
        DataFormat(form) if form else None,
        day,
        nulls,
        None if memory is None else int(memory),
        work,
    )
    if output is not None:
        from shardplan.profile.sources.found import found_paths
        from shardplan.profile.tables.write_profile import check_kept

        check_kept(found_paths(data), output, hot_rows)
    kept = hot if hot_rows is not None else 0
    old = _old(against)
    with ended_by_signals():
        profile = _profiled(data, asked, reading, features, kept, old, joint, quiet)
        if output is not None:
            from shardplan.profile.tables.write_profile import write_profile

            write_profile(profile, output, hot_rows)
    for line in profile.warnings:
        tell(f"warning: {line}")
    if not quiet:
        _say(profile)
    if old is not None:
        _tell_drift(ctx, old, profile, plan)


def _setting(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise click.BadParameter(f"must be KEY=VALUE (got {text})")
    return key, value


def _old(against: str | None) -> dict[str, Reference] | None:
    if against is None:
        return None
    from shardplan.profile.held_profile import old_references

    return old_references(against)


def _profiled(
    data: tuple[str, ...],
    asked: Asked,
    reading: Reading,
    features: str | None,
    hot: int,
    old: dict[str, Reference] | None,
    joint: bool,
    quiet: bool,
) -> Profile:
    from shardplan.cli.profiling.profile_progress import ProfileProgress
    from shardplan.profile.features.table_rule import read_features
    from shardplan.profile.profile_files import profile_files

    rules = read_features(features) if features else ()
    progress = ProfileProgress(is_quiet=quiet)
    try:
        return profile_files(
            data,
            asked,
            reading,
            rules,
            hot=hot,
            old_hot={name: each.hot_ids for name, each in (old or {}).items()},
            looks_for_merging=joint,
            reporter=progress,
        )
    finally:
        progress.end()


def _say(profile: Profile) -> None:
    from shardplan.cli.profiling.profile_lines import profile_lines

    say_lines(profile_lines(profile))


def _tell_drift(
    ctx: click.Context, old: dict[str, Reference], profile: Profile, plan: str | None
) -> None:
    from shardplan.cli.profiling.profile_lines import drift_lines
    from shardplan.profile.held_profile import held_profile
    from shardplan.solve.deadline import Deadline

    known = None
    if plan is not None:
        found = plan_at(plan)
        known = found, case_of_plan(found, plan)
    drift: ProfileDrift = held_profile(old, profile, known, Deadline.after(_BOUND_SECONDS))
    put("".join(f"{line}\n" for line in drift_lines(drift)))
    if drift.is_alarm:
        ctx.exit(ExitCode.DIFFERENT)
