"""What a batch reads of the rows that every device holds, and of all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.cost.analytic.readings import BlockReadings
from shardplan.workload.block_reads import BlockRead

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.cost.analytic.readings import Readings
    from shardplan.options.option_set import OptionSet
    from shardplan.workload.table import Table
    from shardplan.workload.workload import Workload


@dataclass(frozen=True, eq=False, slots=True)
class HotReads:
    """Of n options that keep hot rows."""

    hot: BlockReadings
    """Of those rows, by all devices together."""
    cold: BlockReadings
    """Of the others, by the device with the first block of them."""
    touched: NDArray[np.float64]
    """(n,): bags per sample, over all features, of which that device has any row."""
    most_touched: NDArray[np.float64]
    """(n,): the same where samples have as many ids as they may have."""

    @classmethod
    def of(
        cls,
        workload: Workload,
        world_size: int,
        whole: Readings,
        options: OptionSet,
        parts: NDArray[np.float64],
    ) -> Self:
        """``parts`` (n,) says how many devices share evenly what is read of the other rows."""
        pairs = list(zip(options.table.tolist(), options.hot_rows.tolist(), strict=True))
        number = {pair: position for position, pair in enumerate(dict.fromkeys(pairs))}
        tables = [workload.tables[table] for table, _ in number]
        cut = [_cut(whole, *pair) for pair in number]
        reading = np.array([number[pair] for pair in pairs], dtype=np.int32)
        shares = np.array([cold.share for _, cold in cut])[reading] / parts
        of_option = [tables[position] for position in reading.tolist()]
        every = list(zip(of_option, shares.tolist(), strict=True))
        hot, cold = (
            whole.of_rows(workload, world_size, list(zip(tables, each, strict=True)))
            for each in zip(*cut, strict=True)
        )
        return cls(
            BlockReadings(hot, reading, np.ones(len(parts))),
            BlockReadings(cold, reading, parts),
            np.array([_touched(t, t.poolings, share) for t, share in every], dtype=np.float64),
            np.array(
                [_touched(t, t.caps or t.poolings, share) for t, share in every], dtype=np.float64
            ),
        )


def _cut(whole: Readings, table: int, hot_rows: int) -> tuple[BlockRead, BlockRead]:
    """The hottest rows of a table, and the others."""
    rows, count = whole.distributions[table], int(whole.rows[table])
    share = rows.hottest_share(hot_rows / count)
    hottest, others = rows.hottest_rows(hot_rows), rows.rows_between(hot_rows, count)
    return BlockRead(hottest, share), BlockRead(others, 1 - share)


def _touched(table: Table, ids: Sequence[float], share: float) -> float:
    """Bags per sample that have any of the rows that draw this share of the accesses.

    Of n ids a bag has none of them with the chance ``(1 - share) ** n``. A mean between two whole
    numbers is taken as a mix of both.
    """
    missed = ((1 - share) ** (n // 1) * (1 - (n % 1) * share) for n in ids)
    return sum(of * (1 - none) for of, none in zip(table.shares, missed, strict=True))
