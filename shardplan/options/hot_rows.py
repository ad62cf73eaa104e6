"""How many of a table's hottest rows may be kept on every device."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.options import limits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.options.offer import Offer
    from shardplan.options.option_set import OptionSet
    from shardplan.options.policy import Policy
    from shardplan.workload.table import Table
    from shardplan.workload.workload import Workload

HOT_ROWS: tuple[int, ...] = tuple(4 ** (2 + step) for step in range(10))
"""Numbers of rows that are planned with, rising.

Under Zipf's law each draws about as much more of the accesses as the one before did.
"""


def with_hot_rows(
    options: OptionSet, workload: Workload, policies: Sequence[Policy], offer: Offer
) -> OptionSet:
    """Options of types that keep hot rows with each number of them that may pay; others as they
    are. ``policies`` (T,) say which numbers are pinned.

    Copies on devices on which no unit lands are kept where asked for alone if the offer says so.
    """
    keep = options.keep_hot_rows
    if not keep.any():
        return options
    counts: list[tuple[int, ...]] = [(0,)] * len(options)
    for option in np.flatnonzero(keep).tolist():
        index, kind = int(options.table[option]), options.sharding_type(option)
        table, policy = workload.tables[index], policies[index]
        is_asked = kind in policy.asked
        counts[option] = _offered(table, policy, offer, workload.global_batch, is_asked=is_asked)
        if kind.keeps_copies_elsewhere and offer.copies_fault and not is_asked:
            counts[option] = ()
    repeated = np.repeat(np.arange(len(options)), [len(each) for each in counts])
    hot_rows = np.array([count for each in counts for count in each], dtype=np.int64)
    return replace(options.take(repeated), hot_rows=hot_rows)


def hot_row_counts(table: Table, batch: int, *, is_asked: bool = False) -> tuple[int, ...]:
    """Of a table whose hot rows are known, the numbers of them that may pay, rising.

    The coldest row that is replicated is read once in a step at least: of one that is read less
    often the gradient would be summed over all devices for the sake of hardly any. Where that
    leaves no number, the least is taken if it ``is_asked`` for.
    """
    most = min(table.known_hot_ids, table.rows - 1)
    counts = sorted({*(count for count in HOT_ROWS if count < most), most} - {0})
    rows = table.access.distribution(table.rows, table.pooling)
    ends = np.cumsum(rows.counts)
    reads = rows.probabilities * batch * table.ids_per_sample
    coldest = np.searchsorted(ends, counts).clip(max=len(reads) - 1)
    paying = [count for count, at in zip(counts, coldest.tolist(), strict=True) if reads[at] >= 1]
    return tuple(paying or (counts[:1] if is_asked else ()))


def all_hot_row_counts(workload: Workload) -> Iterator[tuple[int, int]]:
    """Of each table that may keep any, and each number of hot rows that may pay: both."""
    for index, table in enumerate(workload.tables):
        if workload.training.hot_rows and not limits.hot_rows_fault(table):
            yield from ((index, count) for count in hot_row_counts(table, workload.global_batch))


def keeps_any(table: Table, policy: Policy, offer: Offer) -> bool:
    """Whether a table is offered with any number of hot rows where they are asked for."""
    return bool(_offered(table, policy, offer, batch=1, is_asked=True))


def _offered(
    table: Table, policy: Policy, offer: Offer, batch: int, *, is_asked: bool
) -> tuple[int, ...]:
    """Pinned ones, where so many are known and no other demand pins others."""
    if not offer.hot_rows:
        return ()
    if not policy.hot_rows:
        return hot_row_counts(table, batch, is_asked=is_asked)
    if len(policy.hot_rows) > 1 or limits.most_hot_rows_fault(policy.hot_rows[0], table):
        return ()
    return policy.hot_rows
