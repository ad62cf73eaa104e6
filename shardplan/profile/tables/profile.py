"""A profile of all tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.profile.fit.merging import JointRows
    from shardplan.profile.tables.table_profile import Asked, TableProfile


@dataclass(frozen=True, slots=True)
class Profile:
    """What data says of the tables that it reads."""

    tables: tuple[TableProfile, ...]
    sources: tuple[str, ...]
    """What was read, as it was named."""
    samples: int
    """That were read."""
    days: tuple[str, ...]
    asked: Asked
    merging: tuple[JointRows, ...] = field(default=())
    """Pairs of small tables that would make one, where that was asked."""
    remarks: tuple[str, ...] = ()
    """What is to be told of the files that were read."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What somebody should know, of files and then table by table."""
        return self.remarks + tuple(line for table in self.tables for line in table.warnings)

    @property
    def _skew_of(self) -> str:
        """Which of the days skew is of."""
        asked, days = self.asked.skew_days, len(self.days)
        if days <= 1:
            return ""
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
