"""What numpy counts in days of samples, by itself: nothing here is of ``shardplan profile``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyarrow import parquet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_SCALE = 2**20
"""Steps of ids by which their order is told: the profile's own definition."""
_NOTHING = -60.0
"""Logarithm of a chance that adds nothing to a sum of doubles."""


@dataclass(frozen=True, eq=False, slots=True)
class NumpyCounts:
    """Of one column that is a table."""

    reads: NDArray[np.int64]
    """(rows,): of each id on all days."""
    last: NDArray[np.int64]
    """(rows,): on the last."""
    accesses: tuple[int, ...]
    """By day."""
    touched: tuple[int, ...]
    """Distinct ids by day."""
    lengths: NDArray[np.int64]
    """(L,): samples that have so many ids, from 0."""
    missing: int

    @property
    def samples(self) -> int:
        """All of them."""
        return int(self.lengths.sum())

    @property
    def pooling(self) -> float:
        """Ids of a sample in the mean."""
        return sum(self.accesses) / self.samples

    @property
    def variance(self) -> float:
        """Of the ids of a sample."""
        many = np.arange(len(self.lengths), dtype=np.longdouble)
        return float(((many - self.pooling) ** 2 * self.lengths).sum() / self.samples)

    def hottest(self, most: int) -> NDArray[np.int64]:
        """(k, 2): ids and reads of the last day, hottest first, ties by id."""
        ids = np.flatnonzero(self.last >= np.sort(self.last)[-min(most, len(self.last))])
        order = np.lexsort((ids, -self.last[ids]))
        found = np.stack([ids, self.last[ids]], axis=1)[order][:most]
        return found[found[:, 1] > 0]

    @property
    def order_correlation(self) -> float | None:
        """Of ids with the logarithm of their reads; None where either is the same for all."""
        ids = np.flatnonzero(self.reads)
        step = max(int(ids.max()), 0) // _SCALE + 1
        at, logs = (ids // step).astype(np.float64), np.log2(self.reads[ids].astype(np.float64))
        if len(ids) < 2 or not (at.std() and logs.std()):
            return None
        return float(np.corrcoef(at, logs)[0, 1])


def counted(days: Sequence[Path], column: str, rows: int) -> NumpyCounts:
    """Count a column of all days' files."""
    all_, last = np.zeros(rows, np.int64), np.zeros(0, np.int64)
    accesses, touched, missing = [], [], 0
    lengths = np.zeros(1, np.int64)
    for day in days:
        held = parquet.read_table(day, columns=[column])[column].combine_chunks()
        if isinstance(held, pa.ChunkedArray):
            held = pa.concat_arrays(held.chunks)
        missing += held.null_count
        if pa.types.is_list(held.type):
            of_day = np.bincount(np.diff(np.asarray(held.offsets)))
            ids = np.asarray(held.flatten())
        else:
            of_day = np.array([held.null_count, len(held) - held.null_count])
            ids = np.asarray(held.drop_null())
        lengths, shorter = (of_day, lengths) if len(of_day) > len(lengths) else (lengths, of_day)
        lengths = lengths.astype(np.int64)
        lengths[: len(shorter)] += shorter
        last = np.bincount(ids, minlength=rows)
        accesses.append(len(ids))
        touched.append(int(np.count_nonzero(last)))
        all_ += last
    return NumpyCounts(all_, last, tuple(accesses), tuple(touched), lengths, missing)


def frequencies(reads: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of reads that occur, and how many ids have each; 0 is left out."""
    found, ids = np.unique(reads[reads > 0], return_counts=True)
    return found, ids


def rarefied(reads: NDArray[np.int64], draws: float) -> float:
    """Distinct ids that so many of the accesses touch in random order, in extended precision."""
    found, ids = frequencies(reads)
    accesses = int((found * ids).sum())
    many = min(int(found[-1]), accesses)
    steps = np.arange(many, dtype=np.longdouble)
    inside = np.maximum(1 - np.longdouble(draws) / (accesses - steps), 0)
    with np.errstate(divide="ignore"):
        logs = np.concatenate([[0], np.cumsum(np.log(inside))])[found]
    untouched = np.where(logs > _NOTHING, np.exp(logs), 0)
    return float((ids * (1 - untouched)).sum())
