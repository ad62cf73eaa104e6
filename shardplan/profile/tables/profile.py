"""A profile of all tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shardplan.profile.count.skew_range import skew_range
from shardplan.profile.fit.fitted_access import WORTH_A_WARNING
from shardplan.profile.fit.sample_says import FOR_TIMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.profile.fit.merging import JointRows
    from shardplan.profile.tables.table_profile import Asked, TableProfile

_MOST_NAMED = 3
"""Tables, of those of which the same is told."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What data says of the tables that it reads."""

    tables: tuple[TableProfile, ...]
    sources: tuple[str, ...]
    """What was read, as it was named."""
    samples_of_days: tuple[int, ...]
    """That were read, by day; one number where there are no days."""
    days: tuple[str, ...]
    asked: Asked
    merging: tuple[JointRows, ...] = field(default=())
    """Pairs of small tables that would make one, where that was asked."""
    remarks: tuple[str, ...] = ()
    """What is to be told of the files that were read."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What somebody should know, of files and then table by table."""
        told = [*self.remarks, *self._of_days, *self._of_small_data, *self._of_bad_fits]
        return (*told, *(line for table in self.tables for line in table.warnings))

    @property
    def samples(self) -> int:
        """That were read."""
        return sum(self.samples_of_days)

    @property
    def skew(self) -> range:
        """Days that skew is of."""
        return skew_range(self.samples_of_days, self.asked.skew_days)

    @property
    def _of_days(self) -> Iterator[str]:
        """Days without samples, behind those that skew is of or between them."""
        pairs = zip(self.days, self.samples_of_days, strict=False)
        if empty := [day for day, samples in [*pairs][self.skew.start :] if not samples]:
            yield (
                f"no samples of {', '.join(empty)}: skew is of the last "
                f"{'day' if self.asked.skew_days == 1 else f'{self.asked.skew_days} days'} before "
                f"that, up to {self.days[self.skew[-1]]}"
            )

    @property
    def _of_small_data(self) -> Iterator[str]:
        """Tables, all in one line, whose skew stands on too little."""
        read = [each for each in self.tables if each.counts.last.accesses]
        if not (few := [each for each in read if not each.says.tells_times]):
            return
        least = min(each.says.batches for each in few)
        yield (
            f"{_named(few)}: {least:.2g} batches of data{self._skew_of}, and a step's time takes "
            f"{FOR_TIMES}"
        )

    @property
    def _of_bad_fits(self) -> Iterator[str]:
        """Tables, all in one line, whose access is not that of the data."""
        off = {each: each.fitted.error or 0.0 for each in self.tables}
        if far := [each for each, error in off.items() if error > WORTH_A_WARNING]:
            worst = max(far, key=lambda each: off[each]).fitted
            yield (
                f"{_named(far)}: the access that is written is off the data, by up to "
                f"{worst.error:.1%} of the distinct rows of {worst.worst_at:g} batches"
            )

    @property
    def _skew_of(self) -> str:
        """Which of the days skew is of."""
        asked, days = self.asked.skew_days, len(self.days)
        if days <= 1:
            return ""
        if asked == 1 and self.skew[-1] < days - 1:
            return f", of {self.days[self.skew[-1]]}, the last day that has samples"
        if asked >= days:
            return ", of all days"
        return f", of the last {asked} days" if asked > 1 else ", of the last day"

    @property
    def notes(self) -> tuple[str, ...]:
        """Where the tables come from."""
        share = self.asked.sample_share
        sampled = f", a sample of {share:.3g} of all" if share < 1 else ""
        return (
            f"by shardplan profile from {', '.join(self.sources)}",
            f"{self.samples:,} samples{sampled}; days: {', '.join(self.days) or 'not told'}",
            f"access for batches of {self.asked.batch:,} samples in random order{self._skew_of}",
        )


def _named(tables: Sequence[TableProfile]) -> str:
    """The first few names, and how many more there are."""
    more = len(tables) - _MOST_NAMED
    first = ", ".join(each.rule.name for each in tables[:_MOST_NAMED])
    return f"{first} and {more:,} more" if more > 0 else first
