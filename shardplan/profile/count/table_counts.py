"""What is kept of the counts of a table: a few thousand whole numbers, whatever its size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from shardplan.profile.count.id_counts import (
    RARE,
    id_counts,
    integers,
    reads_on,
    reads_until,
    sums,
)
from shardplan.profile.drift.id_sample import is_sampled, one_in_of
from shardplan.profile.drift.reference import HOT_KEPT, Reference
from shardplan.profile.fit.row_order_of import OrderSums
from shardplan.profile.frequencies import Frequencies

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.profile.engine.engine import Engine, Frame
    from shardplan.profile.features.table_rule import TableRule

_NOWHERE = -(2**63)
"""An id that stands for none."""
_RECENT = "recent"
"""The column of reads on the days that skew is of."""
_SCALE = 2**20
"""Ids are scaled to so many steps before they are squared, and squares are added up in two parts,
so that sums stay whole numbers and fit 64 bits up to 2^43 ids."""


@dataclass(frozen=True, eq=False, slots=True)
class TableCounts:
    """Of one table, of all its features together."""

    days: tuple[DayCounts, ...]
    frequencies: Frequencies
    """Of all days."""
    skew: range
    """Days that skew is of: the last that have samples, as many as were asked for."""
    last: Frequencies
    """Of the days that skew is of."""
    newest: Frequencies
    """Of the last of them alone."""
    hot_ids: NDArray[np.int64]
    """(k,): of the days that skew is of, hottest first, ties by id."""
    hot_reads: NDArray[np.int64]
    """(k,): on these days."""
    reads_of_old: NDArray[np.int64]
    """(n,): how often, on these days, ids were read that were hot in older data, where such are
    asked for."""
    reference: Reference
    """What later data is held against."""
    order: OrderSums
    largest_id: int
    """-1 where nothing was read."""
    rare_reads: int
    """Reads of ids that a dictionary leaves out, all of one row."""
    below_zero: int
    """Reads of negative ids, which no table has: counted apart."""
    padding_reads: int
    """Reads of the padding's row, counted apart."""
    once_before: int
    """Ids that were read once on all days before the newest."""

    @property
    def newest_day(self) -> DayCounts:
        """The last day that has samples."""
        return self.days[self.skew[-1]]

    @property
    def new_by_chance(self) -> float:
        """Ids that the newest day was to read first, had nothing changed: of its accesses Good and
        Turing's share, which falls with each new id, so that this is rather too much."""
        before = sum(day.accesses for day in self.days[: self.skew[-1]])
        return self.once_before * self.newest_day.accesses / before if before else 0.0

    @property
    def looked_up(self) -> int:
        """All ids for which there is a row."""
        return self.frequencies.accesses + self.padding_reads


@dataclass(frozen=True, slots=True)
class DayCounts:
    """Of one day."""

    accesses: int
    rows_touched: int
    rows_new: int
    """Of those, the ones that no day before read."""


def table_counts(
    samples: Frame,
    rule: TableRule,
    days: int,
    engine: Engine,
    hot: int,
    old_hot: NDArray[np.int64],
    skew: range | None = None,
) -> TableCounts:
    """Count a table; ``samples`` have the column of days, the rest as :func:`reduced_counts`."""
    counts = id_counts(samples, rule, days, engine)
    return reduced_counts(counts, rule, days, engine, hot, old_hot, skew)


def reduced_counts(
    counts: Frame,
    rule: TableRule,
    days: int,
    engine: Engine,
    hot: int,
    old_hot: NDArray[np.int64],
    skew: range | None = None,
) -> TableCounts:
    """What is kept of a table's ``counts``, which :func:`id_counts` gives; ``hot`` ids at most.

    ``old_hot`` are ids of older data whose reads are asked for; ``skew`` are the days that skew is
    of, by default the last, after which none has samples.
    """
    with engine.kept(counts) as kept:
        return _reduced(kept, rule, days, hot, old_hot, skew or range(days - 1, days))


def _reduced(
    counts: Frame,
    rule: TableRule,
    days: int,
    hot: int,
    old_hot: NDArray[np.int64],
    skew: range,
) -> TableCounts:
    row = nw.col("id")
    is_dictionary, has_rare = rule.mapping.is_dictionary, rule.mapping.has_rare
    is_padding = row == (rule.padding if rule.padding is not None else _NOWHERE)
    is_kept = ~is_padding if is_dictionary else ~is_padding & (row >= 0)
    counts = counts.with_columns(_reads_from(skew.start, days).alias(_RECENT))
    totals = _totals(counts, is_kept, is_padding, days, skew[-1])
    counts = counts.filter(is_kept)
    named = counts.filter(row != RARE) if has_rare else counts
    frequencies, order = _frequencies(counts, totals.largest)
    last = _frequencies_of(counts, nw.col(_RECENT)) if skew.start else frequencies
    newest = last if len(skew) == 1 else _frequencies_of(counts, _reads_from(skew[-1], days))
    hot_ids, hot_reads = _hottest(named, max(hot, HOT_KEPT))
    sampled = _sampled(named, one_in := one_in_of(totals.ids))
    reference = Reference(
        frequencies, hot_ids[:HOT_KEPT], hot_reads[:HOT_KEPT], *sampled, one_in, last,
        totals.of_rare_ids,
    )  # fmt: skip
    return TableCounts(
        totals.days, frequencies, skew, last, newest, hot_ids[:hot], hot_reads[:hot],
        _reads_of(named, old_hot), reference, order, totals.largest,
        totals.rare if has_rare else 0, 0 if is_dictionary else totals.below_zero, totals.padding,
        totals.once_before,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Totals:
    largest: int
    ids: int
    below_zero: int
    rare: int
    padding: int
    of_rare_ids: tuple[int, int]
    """Reads, on the days that skew is of, of ids that all days read once, and twice."""
    once_before: int
    days: tuple[DayCounts, ...]


def _totals(
    counts: Frame, is_kept: nw.Expr, is_padding: nw.Expr, days: int, newest: int
) -> _Totals:
    """All sums over a table's ids at once: on a cluster each question has its price."""
    row, reads, recent = nw.col("id"), nw.col("reads"), nw.col(_RECENT)
    before = reads - _reads_from(newest, days)
    asked = [
        nw.when(is_kept).then(row).max().alias("largest"),
        is_kept.cast(nw.Int64).sum().alias("ids"),
        _where(row < 0, reads).alias("below"),
        _where(row == RARE, reads).alias("rare"),
        _where(is_padding, reads).alias("padding"),
        _where(is_kept & (reads == 1), recent).alias("once"),
        _where(is_kept & (reads == 2), recent).alias("twice"),
        (is_kept & (before == 1)).cast(nw.Int64).sum().alias("once_before"),
        _where(is_kept, reads).alias("reads"),
    ]
    for day in range(days if days > 1 else 0):
        of_day = reads_on(day, days)
        asked.append(_where(is_kept, of_day).alias(f"sum_{day}"))
        asked.append((is_kept & (of_day > 0)).cast(nw.Int64).sum().alias(f"ids_{day}"))
        so_far = reads_until(day, days)
        asked.append((is_kept & (so_far > 0)).cast(nw.Int64).sum().alias(f"so_far_{day}"))
    largest, ids, below, rare, padding, once, twice, before_, accesses, *of_days = sums(
        counts, asked
    )
    found = _by_day(of_days) if days > 1 else (DayCounts(accesses, ids, ids),)
    largest = largest if ids else -1
    return _Totals(largest, ids, below, rare, padding, (once, twice), before_, found)


def _by_day(sums_of_days: list[int]) -> tuple[DayCounts, ...]:
    """From accesses, ids, and ids so far of each day."""
    accesses, ids, so_far = (sums_of_days[part::3] for part in range(3))
    new = np.diff(so_far, prepend=0).tolist()
    return tuple(DayCounts(*each) for each in zip(accesses, ids, new, strict=True))


def _where(condition: nw.Expr, value: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(value).otherwise(0).sum()


def _frequencies(counts: Frame, largest: int) -> tuple[Frequencies, OrderSums]:
    """Ids by how often they were read, and sums over them: of whole numbers, exact everywhere."""
    step = max(largest, 0) // _SCALE + 1
    row = nw.when(nw.col("id") < 0).then(nw.lit(0)).otherwise(nw.col("id"))
    scaled = ((row - row % step).cast(nw.Float64) / float(step)).round()
    grouped = (
        counts.with_columns(scaled.cast(nw.Int64).alias("at"))
        .with_columns((nw.col("at") * nw.col("at")).alias("square"))
        .with_columns((nw.col("square") % _SCALE).alias("low"))
        .with_columns(((nw.col("square") - nw.col("low")) // _SCALE).alias("high"))
        .group_by("reads")
        .agg(
            nw.col("reads").count().cast(nw.Int64).alias("ids"),
            nw.col("at").sum().alias("at"),
            nw.col("high").sum().alias("high"),
            nw.col("low").sum().alias("low"),
        )
        .sort("reads")
    )
    reads, ids, at, high, low = integers(grouped, "reads", "ids", "at", "high", "low")
    log = np.log2(reads.astype(np.float64))
    order = OrderSums(
        int(ids.sum()),
        float(at.sum()),
        float(int(high.sum()) * _SCALE + int(low.sum())),
        float(np.dot(ids, log)),
        float(np.dot(ids, log * log)),
        float(np.dot(at, log)),
    )
    return Frequencies(reads, ids), order


def _reads_from(first: int, days: int) -> nw.Expr:
    """How often an id was read on the days from ``first`` on."""
    if not first:
        return nw.col("reads")
    read = reads_on(first, days)
    for day in range(first + 1, days):
        read = read + reads_on(day, days)
    return read


def _frequencies_of(counts: Frame, read: nw.Expr) -> Frequencies:
    """Ids by how often they were read on some days."""
    grouped = (
        counts.select(read.alias("of_last"))
        .filter(nw.col("of_last") > 0)
        .group_by("of_last")
        .agg(nw.len().cast(nw.Int64).alias("ids"))
        .sort("of_last")
    )
    return Frequencies(*integers(grouped, "of_last", "ids"))


def _hottest(counts: Frame, most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    read = counts.filter(nw.col(_RECENT) > 0)
    top = read.sort(_RECENT, "id", descending=[True, False]).head(most)
    ids, reads = integers(top, "id", _RECENT)
    order = np.lexsort((ids, -reads))  # An engine may hand over what it sorted in parts.
    return ids[order], reads[order]


def _reads_of(counts: Frame, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    found = np.zeros(len(wanted), np.int64)
    if len(wanted):
        ids, reads = integers(counts.filter(nw.col("id").is_in(wanted.tolist())), "id", _RECENT)
        at = {int(each): int(count) for each, count in zip(ids, reads, strict=True)}
        found[:] = [at.get(int(each), 0) for each in wanted]
    return found


def _sampled(counts: Frame, one_in: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of one id in so many, ids of all days, and reads on those that skew is of."""
    row: Any = nw.col("id")  # To which the same arithmetic is known as to an array.
    sampled = counts.filter(is_sampled(row, one_in))
    ids, reads = integers(sampled, "id", _RECENT)
    order = np.argsort(ids, kind="stable")
    return ids[order], reads[order]
