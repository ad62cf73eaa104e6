"""What data, or a sample of it, can tell of a table, and what it cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.profile.frequencies import Frequencies

FOR_TIMES = 16
"""Batches of a sample from which on times of a step are as good as from all data."""
FOR_CACHES = 100
"""The same of hit rates of caches."""
_TWO_SIDED = 2.0
"""Standard errors of an error bar, about 95%."""


@dataclass(frozen=True, slots=True)
class SampleSays:
    """Of one table: how large its sample is beside a batch, and the error bars that follow."""

    sample_share: float
    """Of all data; 1 where all was read."""
    batches: float
    """Accesses that skew is of over those of a batch of the whole job."""
    distinct_rows: float | None
    """Of a batch; None where the sample is smaller than one."""
    distinct_rows_error: float | None
    """Half an error bar of them, as a share: two standard errors, about 95%."""

    @property
    def tells_times(self) -> bool:
        """Whether distinct rows of a batch are known, and with them the step."""
        return self.batches >= FOR_TIMES

    @property
    def tells_caches(self) -> bool:
        """Whether rare rows are known well enough for hit rates of large caches."""
        return self.batches >= FOR_CACHES

    @property
    def tells_rows(self) -> bool:
        """Whether the number of rows is known: of no sample, whatever its size."""
        return self.is_whole

    @property
    def is_whole(self) -> bool:
        """Whether all data was read."""
        return self.sample_share >= 1


def sample_says(frequencies: Frequencies, batch: float, sample_share: float = 1.0) -> SampleSays:
    """What a sample with such counts tells, of which a step reads ``batch`` accesses.

    All data of a day is a sample too, of what the job is to read: little of it tells no times.

    Rows seen in a sample are a lower bound of the rows that there are, and no estimate from counts
    alone comes near (Chao's reaches 6 to 75% of the truth on skewed tables), so that rows are to be
    given, or counted in all data. Raises ValueError for a share that is none.
    """
    if not 0 < sample_share <= 1:
        raise ValueError(f"a share must be above 0 and at most 1, not {sample_share}")
    batches = frequencies.accesses / batch if batch else float("inf")
    if not 0 < batch <= frequencies.accesses:
        return SampleSays(sample_share, batches, None, None)
    rows = frequencies.distinct_rows(batch)
    error = _TWO_SIDED * frequencies.distinct_rows_error(batch) / rows
    return SampleSays(sample_share, batches, rows, error)
