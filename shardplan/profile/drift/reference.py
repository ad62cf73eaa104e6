"""What is kept of the data of a table, so that later data can be held against it without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.profile.drift.id_sample import is_sampled, one_in_of
from shardplan.profile.frequencies import Frequencies
from shardplan.profile.hot_rows import hottest

if TYPE_CHECKING:
    from numpy.typing import NDArray

HOT_KEPT = 1_000
"""Hot ids that are kept of a table whose cache is not known."""


@dataclass(frozen=True, eq=False, slots=True)
class Reference:
    """Of one table: its frequencies, its hottest ids, and a sample of all its ids.

    Frequencies say how much of later data is new by chance (Good and Turing), the hot ids whether
    a cache would still hit, and the sample which ids were there at all. With the most that is kept,
    this is 1 MiB and less for a table of any size. Frequencies of two days cannot be added up:
    nothing says which ids are the same.
    """

    frequencies: Frequencies
    hot_ids: NDArray[np.int64]
    """(k,): hottest first, ties by id."""
    hot_counts: NDArray[np.int64]
    """(k,): how often each was read."""
    sample_ids: NDArray[np.int64]
    """(n,): every id of the sample that was read at all, ascending."""
    sample_counts: NDArray[np.int64]
    """(n,): how often each was read."""
    one_in: int
    """The sample is of one id in so many, a power of 2; 1 where it is of all."""

    @classmethod
    def of(
        cls,
        ids: NDArray[np.int64],
        counts: NDArray[np.int64],
        hot: int = HOT_KEPT,
        one_in: int | None = None,
    ) -> Reference:
        """From all distinct ids, 0 or more, and how often each was read."""
        one_in = one_in_of(len(ids)) if one_in is None else one_in
        sampled = is_sampled(ids, one_in)
        order = np.argsort(ids[sampled], kind="stable")
        hot_ids, hot_counts = hottest(ids, counts, hot)
        return cls(
            Frequencies.of_counts(counts),
            hot_ids,
            hot_counts,
            ids[sampled][order],
            counts[sampled][order],
            one_in,
        )

    @property
    def accesses(self) -> int:
        """Reads of all ids."""
        return self.frequencies.accesses
