"""Whether the ids of a table are still those that they were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.profile.drift.hot_noise import chance_loss
from shardplan.profile.drift.id_sample import is_sampled
from shardplan.profile.drift.reference import HOT_KEPT
from shardplan.profile.fit.population import population_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from shardplan.profile.drift.reference import Reference

UNSEEN, LOST = 0.02, 0.02
"""Shares of the accesses above which new ids, and hits that a cache loses, are a movement."""
_ERRORS = 3.0
"""Standard errors that a movement must be beyond, too."""
_TELLING = 16
"""Reads from which on an id counts as hot at all: fewer are chance."""
_HOT_PART = 8
"""Of the ids of a table without a cache, one in so many are its hot ones, at most."""


@dataclass(frozen=True, slots=True)
class Movement:
    """Of one table, as shares of the new accesses."""

    table: str
    unseen: float
    """Of accesses to ids that the old data lacks."""
    unseen_by_chance: float
    """The same where nothing has moved: Good and Turing's ``f1 / m`` of the old data, on the days
    that its skew is of."""
    unseen_error: float
    """Standard error of the difference."""
    lost: float
    """What the new data's hottest ids draw, less what the old data's draw: hits lost by a cache."""
    lost_by_chance: float
    lost_error: float
    hot_rows: int
    """How many hot ids that is about; 0 where the old data is too little to tell any."""

    @property
    def unseen_excess(self) -> float:
        """More than chance; 0 where it is less."""
        return max(0.0, self.unseen - self.unseen_by_chance)

    @property
    def lost_excess(self) -> float:
        """More than chance; 0 where it is less."""
        return max(0.0, self.lost - self.lost_by_chance)

    @property
    def has_new_ids(self) -> bool:
        """Whether more than 2% of the accesses are to ids that are new, and chance is no reason."""
        return self.unseen_excess > max(UNSEEN, _ERRORS * self.unseen_error)

    @property
    def has_new_hot_ids(self) -> bool:
        """Whether a cache of the old hot ids misses more than 2%, and chance is no reason."""
        return self.lost_excess > max(LOST, _ERRORS * self.lost_error)

    @property
    def has_moved(self) -> bool:
        """Either."""
        return self.has_new_ids or self.has_new_hot_ids


def movement(
    table: str,
    old: Reference,
    new: Reference,
    reads_of: Callable[[NDArray[np.int64]], NDArray[np.int64]],
    *,
    rows: int | None = None,
    cached_rows: int | None = None,
) -> Movement:
    """Hold new data of a table against what is kept of the old.

    Ids are new that no old day read; reads are on the days that skew is of. ``reads_of`` says how
    often the new data reads ids on these, 0 of those that it lacks. ``rows`` are those
    of the table, where they are known; ``cached_rows`` those that its cache holds, else the hottest
    thousand, or an eighth of the ids. Total variation is not used: on large tables it is the noise
    of sampling (0.18 on tables that stay the same beside 0.17 on some that move).

    Raises ValueError where one of the two has no accesses.
    """
    if not (old.accesses and new.accesses):
        raise ValueError(f"nothing was read of {table}")
    unseen, error = _unseen(old, new)
    hot = _hot_rows(old, new, cached_rows)
    lost, by_chance, lost_error = 0.0, 0.0, 0.0
    if hot:
        own = int(new.hot_counts[:hot].sum())
        lost = (own - int(reads_of(old.hot_ids[:hot]).sum())) / new.accesses
        # The hot rows are told apart by old counts alone: what population they are of, these say.
        population = population_of(old.recent, max(rows or 0, old.recent.rows_touched))
        by_chance = chance_loss(population, hot, old.accesses, new.accesses)
        lost_error = float(np.sqrt(own)) / new.accesses
    return Movement(table, unseen, old.unseen_share, error, lost, by_chance, lost_error, hot)


def _unseen(old: Reference, new: Reference) -> tuple[float, float]:
    """Share of the new accesses that read ids that are new, and its standard error.

    Of the ids of both samples. One that is read often would count ``one_in`` times as often where
    it happens to be in the sample, so that the error is by the squares of reads.
    """
    one_in = max(old.one_in, new.one_in)
    there = old.sample_ids[is_sampled(old.sample_ids, one_in)]
    sampled = is_sampled(new.sample_ids, one_in)
    ids, counts = new.sample_ids[sampled], new.sample_counts[sampled]
    is_new = ~np.isin(ids, there)
    read = counts[is_new].astype(np.float64)
    by_sample = one_in * (one_in - 1) * float(np.dot(read, read))
    variance = by_sample / new.accesses**2 + sum(old.of_rare_ids) / old.accesses**2
    variance += one_in * float(read.sum()) / new.accesses**2
    return one_in * float(read.sum()) / new.accesses, float(np.sqrt(variance))


def _hot_rows(old: Reference, new: Reference, cached_rows: int | None) -> int:
    """As many of the hottest ids as the table's cache holds, and both data tell."""
    if cached_rows is None:
        cached_rows = min(HOT_KEPT, max(1, old.recent.rows_touched // _HOT_PART))
    telling = int((old.hot_counts >= _TELLING).sum())
    return min(cached_rows, telling, len(new.hot_ids))
