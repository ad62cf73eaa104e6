"""What a batch reads of the rows that every device holds, and of all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.analytic.readings import BlockReadings
from shardplan.workload.block_reads import BlockRead

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
        return self._of(options, _hottest, np.ones(len(options)))[0]

    def cold(self, options: OptionSet, parts: NDArray[np.float64]) -> ColdReads:
        """Of the others, by a device; ``parts`` (n,) says how many share evenly what is read."""
        readings, drawn = self._of(options, _others, parts)
        shares = (drawn / parts).tolist()
        tables = [self.workload.tables[table] for table in options.table.tolist()]
        every = list(zip(tables, shares, strict=True))
        return ColdReads(
            readings,
            np.array([_touched(table, table.poolings, share) for table, share in every]),
            np.array([_touched(table, table.caps or table.poolings, s) for table, s in every]),
        )

    def _of(
        self,
        options: OptionSet,
        rows_of: Callable[[RowDistribution, int], BlockRead],
        parts: NDArray[np.float64],
    ) -> tuple[BlockReadings, NDArray[np.float64]]:
        """And (n,) the share that these rows draw of the accesses to the table."""
        pairs = list(zip(options.table.tolist(), options.hot_rows.tolist(), strict=True))
        number = {pair: position for position, pair in enumerate(dict.fromkeys(pairs))}
        found = [
            (self.workload.tables[table], rows_of(self.whole.distributions[table], hot_rows))
            for table, hot_rows in number
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


def _hottest(rows: RowDistribution, count: int) -> BlockRead:
    share = rows.hottest_share(count / float(rows.counts.sum()))
    return BlockRead(rows.hottest_rows(count), share)


def _others(rows: RowDistribution, count: int) -> BlockRead:
    every = float(rows.counts.sum())
    share = 1 - rows.hottest_share(count / every)
    return BlockRead(rows.rows_between(count, every), share)


def _touched(table: Table, ids: Sequence[float], share: float) -> float:
    """Bags per sample that have any of the rows that draw this share of the accesses.

    Of n ids a bag has none of them with the chance ``(1 - share) ** n``. A mean between two whole
    numbers is taken as a mix of both.
    """
    missed = [(1 - share) ** int(n) * (1 - (n % 1) * share) for n in ids]
    touched = [of * (1 - none) for of, none in zip(table.shares, missed, strict=True)]
    return float(sum(touched))
