"""Whether batches as they lie in the data touch other rows than batches in random order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.profile.frequencies import Frequencies

WORTH_SAYING = 0.05
"""Share of the distinct rows from which on file order and random order are different jobs."""
_ERRORS = 3.0


@dataclass(frozen=True, slots=True)
class FileOrder:
    """Distinct rows of whole batches as they come, beside those expected in random order."""

    batches: int
    accesses: float
    """Of a batch, in the mean."""
    observed_rows: float
    """Distinct rows of a batch as it comes, in the mean."""
    observed_error: float
    """Standard error of that mean, in rows, by how batches differ; 0 of one batch."""
    random_rows: float
    """Distinct rows of such batches, had their accesses come in random order."""
    sample_rows: float
    """The same, had their samples come in random order, each with its own accesses."""

    @property
    def excess(self) -> float:
        """By what share random order touches more rows than the file's; below 0, fewer."""
        return self.sample_rows / self.observed_rows - 1 if self.observed_rows else 0.0

    @property
    def repeats(self) -> float:
        """By what share accesses in random order touch more rows than whole samples do.

        What is left where no order of samples says why: ids that stand in a sample again.
        """
        return self.random_rows / self.sample_rows - 1 if self.sample_rows else 0.0

    @property
    def has_repeats(self) -> bool:
        """Whether that matters: more than 5%, and more than a row."""
        beyond = self.random_rows - self.sample_rows > 1.0
        return self.repeats > WORTH_SAYING and beyond

    @property
    def is_other(self) -> bool:
        """Whether it matters: more than 5%, than a row, and than batches differ by chance.

        A batch of a few rows can be the same each time by chance, with no error to be seen.
        """
        off = abs(self.sample_rows - self.observed_rows)
        beyond = off > max(1.0, _ERRORS * self.observed_error)
        return abs(self.excess) > WORTH_SAYING and beyond


def file_order(
    frequencies: Frequencies,
    accesses: Sequence[int],
    distinct_rows: Sequence[int],
    by_order: float | None = None,
) -> FileOrder | None:
    """Compare whole batches: how many ids of the table each has, and how many distinct ones.

    ``frequencies`` are of all data that the batches are from; ``by_order`` is what whole samples in
    random order touch over what the batches do, where samples have ids twice. None where no batch
    reads anything.
    Raises ValueError where there are not as many of one as of the other, or a batch is larger than
    the data.
    """
    if len(accesses) != len(distinct_rows):
        raise ValueError("each batch has a number of accesses and one of distinct rows")
    read = np.array(accesses, dtype=np.float64)
    if not read.sum():
        return None
    observed = np.array(distinct_rows, dtype=np.float64)
    expected = float(np.mean([frequencies.distinct_rows(each) for each in read.tolist()]))
    mean = float(observed.mean())
    spread = float(observed.std(ddof=1)) if len(observed) > 1 else 0.0
    return FileOrder(
        len(read),
        float(read.mean()),
        mean,
        spread / len(observed) ** 0.5,
        expected,
        expected if by_order is None else by_order * mean,
    )
