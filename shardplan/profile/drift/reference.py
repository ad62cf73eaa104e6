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

    Ids are known of all days; how they are read is of the days that skew is of, as in ``access``:
    ids that come and go make days together another population than each of them.

    Frequencies say how much of later data is new by chance (Good and Turing), the hot ids whether
    a cache would still hit, and the sample which ids were there at all. With the most that is kept,
    this is 1 MiB and less for a table of any size. Frequencies of two days cannot be added up:
    nothing says which ids are the same.
    """

    frequencies: Frequencies
    """Of all days."""
    hot_ids: NDArray[np.int64]
    """(k,): hottest first, ties by id."""
    hot_counts: NDArray[np.int64]
    """(k,): how often each was read, on the days that skew is of."""
    sample_ids: NDArray[np.int64]
    """(n,): every id of the sample that was read at all, ascending."""
    sample_counts: NDArray[np.int64]
    """(n,): how often each was read on the days that skew is of, which may be never."""
    one_in: int
    """The sample is of one id in so many, a power of 2; 1 where it is of all."""
    recent: Frequencies
    """Of the days that skew is of; the same object as ``frequencies`` where these are all."""
    of_rare_ids: tuple[int, int]
    """Reads, on the days that skew is of, of ids that all days read once, and twice."""

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
        frequencies = Frequencies.of_counts(counts)
        return cls(
            frequencies,
            hot_ids,
            hot_counts,
            ids[sampled][order],
            counts[sampled][order],
            one_in,
            frequencies,
            rare_reads_of(frequencies),
        )

    @property
    def accesses(self) -> int:
        """Reads of all ids on the days that skew is of."""
        return self.recent.accesses

    @property
    def unseen_share(self) -> float:
        """Share of further accesses, like those of the days that skew is of, to ids of no day.

        Good and Turing's: the share of these accesses whose id no other one read.
        """
        return self.of_rare_ids[0] / self.accesses if self.accesses else 1.0


def rare_reads_of(frequencies: Frequencies) -> tuple[int, int]:
    """Reads of ids that were read once, and twice, where skew is of all days."""
    twice = frequencies.ids[frequencies.reads == 2]
    return frequencies.read_once, 2 * int(twice.sum())
