"""What ``profile`` is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shardplan.cli.output import check_writable

if TYPE_CHECKING:
    from shardplan.profile.profile_files import Reading
    from shardplan.profile.tables.table_profile import Asked

_ENDINGS = (".csv", ".parquet", ".yaml", ".yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRequest:
    """The arguments and options of the command, by their names there."""

    data: tuple[str, ...]
    output: str | None
    """Where the tables go."""
    features: str | None
    form: str | None
    day: str | None
    skew_days: int | None
    nulls: tuple[str, ...]
    sample: float | None
    """A share of all samples."""
    batch: int
    access: str
    shuffled: bool
    joint: bool
    hot_rows: str | None
    """The folder for files of hot ids."""
    hot: int
    """How many of them."""
    against: str | None
    """Tables of an older profile."""
    plan: str | None
    engine: str
    engine_option: tuple[str, ...]
    memory: float | None
    work: str | None
    keep: str | None
    quiet: bool

    def check(self) -> None:
        """Raise UsageError for options that contradict each other."""
        is_column = self.day is not None and "*" not in self.day
        for is_so, message in (
            (self.output is None and self.against is None,
             "say where the tables go (-o), or what to hold them against"),
            (self.plan is not None and self.against is None, "--plan goes with --against"),
            (self.output is not None and Path(self.output).suffix not in _ENDINGS,
             f"-o must end in .csv, .parquet or .yaml (got {self.output})"),
            (self.hot_rows is not None and self.output is None, "--hot-rows goes with -o"),
            (self.sample == 0, "--sample must be above 0%"),
            (self.skew_days is not None and self.day is None, "--skew-days goes with --day"),
            (self.keep is not None and self.sample is not None,
             "--keep goes without --sample, which is taken from all days at once"),
            (self.keep is not None and is_column,
             "--keep goes with days that paths tell (--day 'day_*'), not with a column of them"),
        ):  # fmt: skip
            if is_so:
                raise click.UsageError(message)
        if self.output is not None:
            check_writable(self.output, self.data)

    @property
    def hot_ids(self) -> int:
        """Of each table, how many the job is to know."""
        return self.hot if self.hot_rows is not None else 0

    def asked(self) -> Asked:
        """What the profile is made for."""
        from shardplan.profile.fit.access_form import AccessForm
        from shardplan.profile.tables.table_profile import Asked

        share = 1.0 if self.sample is None else self.sample
        return Asked(self.batch, share, AccessForm(self.access), self.shuffled, self.skew_days or 1)

    def reading(self) -> Reading:
        """How files are read; raises BadParameter for settings that are none."""
        from shardplan.profile.profile_files import Reading
        from shardplan.profile.sources.found import DataFormat

        return Reading(
            self.engine,
            dict(map(_setting, self.engine_option)),
            DataFormat(self.form) if self.form else None,
            self.day,
            self.nulls,
            None if self.memory is None else int(self.memory),
            self.work,
            self.keep,
        )


def _setting(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise click.BadParameter(f"must be KEY=VALUE (got {text})")
    return key, value
