"""What a batch reads of the rows that every device holds, and of all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.analytic.readings import BlockReadings
from shardplan.cost.even_parts import even_parts
from shardplan.workload.block_reads import BlockRead
from shardplan.workload.row_order import RowOrder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.cost.analytic.readings import Readings
    from shardplan.options.option_set import OptionSet
    from shardplan.workload.row_distribution import RowDistribution
    from shardplan.workload.table import Table
    from shardplan.workload.workload import Workload


@dataclass(frozen=True, eq=False, slots=True)
class RowReads:
    """What is read of tables whole, of which some rows are to be told from others."""

    workload: Workload
    world_size: int
    whole: Readings

    def hot(self, options: OptionSet) -> BlockReadings:
        """Of the hot rows of n options, by all devices together."""
        spans = [(0.0, float(count)) for count in options.hot_rows.tolist()]
        return self._of(options, spans, np.ones(len(options)))[0]

    def cold(
        self,
        options: OptionSet,
        cut: NDArray[np.int64],
        block: NDArray[np.int64] | None,
        *,
        on_average: bool,
    ) -> ColdReads:
        """Of the others, by a device with one of ``cut`` (n,) blocks of the rows.

        Of the first block, or of ``block`` (n,). Where ids are by frequency, and nobody asks for a
        given block, all are charged as if one began with the hottest row that is left.
        """
        tables = [self.workload.tables[table] for table in options.table.tolist()]
        rows = self.whole.rows[options.table]
        number = np.zeros_like(cut) if block is None else block
        in_order = np.array([table.ids is RowOrder.BY_FREQUENCY for table in tables], dtype=bool)
        in_order &= (cut > 1) & (not on_average)
        height, hot = -(-rows // cut), options.hot_rows
        first = hot if block is None else np.maximum(hot, number * height)
        end = hot + height if block is None else (number + 1) * height
        start = np.where(in_order, first, hot)
        spans = np.stack([start, np.where(in_order, np.minimum(end, rows), rows)], axis=1)
        parts = np.where(in_order, 1.0, even_parts(rows, cut, number))
        readings, drawn = self._of(options, [(s, e) for s, e in spans.tolist()], parts)
        every = list(zip(tables, (drawn / parts).tolist(), strict=True))
        return ColdReads(
            readings,
            np.array([_touched(table, table.poolings, share) for table, share in every]),
            np.array([_touched(table, table.caps or table.poolings, s) for table, s in every]),
        )

    def _of(
        self,
        options: OptionSet,
        spans: Sequence[tuple[float, float]],
        parts: NDArray[np.float64],
    ) -> tuple[BlockReadings, NDArray[np.float64]]:
        """Of rows from the hottest on, and (n,) the share of the accesses to the table that these
        draw."""
        pairs = list(zip(options.table.tolist(), spans, strict=True))
        number = {pair: position for position, pair in enumerate(dict.fromkeys(pairs))}
        found = [
            (self.workload.tables[table], _between(self.whole.distributions[table], *span))
            for table, span in number
        ]
        reading = np.array([number[pair] for pair in pairs], dtype=np.int32)
        readings = self.whole.of_rows(self.workload, self.world_size, found)
        drawn = np.array([rows.share for _, rows in found], dtype=np.float64)
        return BlockReadings(readings, reading, parts), drawn[reading]


@dataclass(frozen=True, eq=False, slots=True)
class ColdReads:
    """Of n options that keep hot rows, what the device with the first block of the others does."""

    readings: BlockReadings
    touched: NDArray[np.float64]
    """(n,): bags per sample, over all features, of which that device has any row."""
    most_touched: NDArray[np.float64]
    """(n,): the same where samples have as many ids as they may have."""


def _between(rows: RowDistribution, start: float, end: float) -> BlockRead:
    """What is read of some rows, counted from the hottest on; of none, nothing."""
    every = float(rows.counts.sum())
    if start >= end:
        return BlockRead(rows, 0.0)
    share = rows.hottest_share(end / every) - rows.hottest_share(start / every)
    return BlockRead(rows.rows_between(start, end) if start else rows.hottest_rows(end), share)


def _touched(table: Table, ids: Sequence[float], share: float) -> float:
    """Bags per sample that have any of the rows that draw this share of the accesses.

    Of n ids a bag has none of them with the chance ``(1 - share) ** n``. A mean between two whole
    numbers is taken as a mix of both.
    """
    missed = [(1 - share) ** int(n) * (1 - (n % 1) * share) for n in ids]
    touched = [of * (1 - none) for of, none in zip(table.shares, missed, strict=True)]
    return float(sum(touched))
