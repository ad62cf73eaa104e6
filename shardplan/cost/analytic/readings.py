"""Which rows of its tables a batch reads: of tables, and of row shards that are not alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.analytic.cache_misses import CacheMisses
from shardplan.workload.row_order import RowOrder
from shardplan.workload.row_reads import row_distributions, unique_rows
from shardplan.workload.training import CacheAlgorithm

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from shardplan.workload.row_distribution import RowDistribution
    from shardplan.workload.workload import Workload


@dataclass(frozen=True, eq=False, slots=True)
class Readings:
    """What is read of T tables whole, then of blocks of rows that are read more than others.

    Where ids are hashed, each of n row shards has every n-th row, and does an n-th of what the
    table does. Where they are by frequency, the first block has the hottest rows: it is a reading
    of its own, and stands for all blocks of its table, since the others wait for it.
    """

    distributions: tuple[RowDistribution, ...]
    """(R,): how likely each row is to be read."""
    pooling: NDArray[np.float64]
    """(R,): ids per sample of the batch."""
    unique_rows: NDArray[np.float64]
    """(R,): distinct rows that the global batch touches."""
    unique_rows_of_rank: NDArray[np.float64]
    """(R,): distinct rows that the part of the batch of one rank touches."""
    misses: CacheMisses
    """What caches over DDR miss of the global batch."""
    misses_over_ssd: CacheMisses
    """What caches over SSD miss of it, which keep the rows read last."""
    misses_of_seldom: CacheMisses
    """What caches miss of it that keep the rows read most."""
    _first_block: dict[int, NDArray[np.int32]]
    """By number of row shards, (T,): the reading of the first one, or of the hashed table."""

    @classmethod
    def of(cls, workload: Workload, world_size: int, row_cuts: Iterable[int]) -> Readings:
        """Of tables whole, and cut into any of ``row_cuts`` row shards."""
        tables = workload.tables
        distributions = list(row_distributions(tables))
        pooling = [table.ids_per_sample for table in tables]
        first_block = {}
        for cut in sorted(set(row_cuts) - {1}):
            first_block[cut] = np.arange(len(tables), dtype=np.int32)
            for index, table in enumerate(tables):
                if table.ids is not RowOrder.BY_FREQUENCY or not table.pooling:
                    continue
                first_block[cut][index] = len(distributions)
                whole = distributions[index]
                distributions.append(whole.hottest_rows(float(-(-table.rows // cut))))
                pooling.append(table.ids_per_sample * float(whole.block_shares(cut)[0]))
        return cls._read(workload, world_size, distributions, pooling, first_block)

    @classmethod
    def _read(
        cls,
        workload: Workload,
        world_size: int,
        distributions: Sequence[RowDistribution],
        pooling: Sequence[float],
        first_block: dict[int, NDArray[np.int32]],
    ) -> Readings:
        batch = float(workload.global_batch)
        ids = np.array(pooling, dtype=np.float64)
        over_ssd = CacheMisses(tuple(distributions), batch * ids)
        seldom = CacheMisses(over_ssd.distributions, over_ssd.draws, CacheAlgorithm.LFU)
        algorithm = workload.training.cache_algorithm
        return cls(
            distributions=tuple(distributions),
            pooling=ids,
            unique_rows=unique_rows(distributions, batch * ids),
            unique_rows_of_rank=unique_rows(distributions, batch / world_size * ids),
            misses=seldom if algorithm is CacheAlgorithm.LFU else over_ssd,
            misses_over_ssd=over_ssd,
            misses_of_seldom=seldom,
            _first_block=first_block,
        )

    def of_blocks(
        self,
        workload: Workload,
        world_size: int,
        table: NDArray[np.int32],
        row_shards: NDArray[np.int64],
        block: NDArray[np.int64],
    ) -> BlockReadings:
        """What is read of given row blocks, (K,) each; of hashed tables one is like another.

        Blocks whose rows are all equally likely share a reading.
        """
        known: dict[tuple[int, ...], int] = {}
        distributions: list[RowDistribution] = []
        pooling: list[float] = []
        reading = np.empty(len(table), dtype=np.int32)
        parts = np.empty(len(table), dtype=np.int64)
        cuts = list(zip(table.tolist(), row_shards.tolist(), block.tolist(), strict=True))
        for row, (index, cut, number) in enumerate(cuts):
            whole, what = self.distributions[index], workload.tables[index]
            height = -(-what.rows // cut)
            start = min(number * height, what.rows)
            end = min(start + height, what.rows)
            is_alike = what.ids is not RowOrder.BY_FREQUENCY or not what.pooling
            key = (index,) if is_alike else (index, cut, *_class_of(whole, start, end))
            parts[row] = cut if is_alike else 1
            if key not in known:
                known[key] = len(distributions)
                share = 1.0 if is_alike else float(whole.block_shares(cut)[number])
                rows = whole if is_alike or start == end else whole.rows_between(start, end)
                distributions.append(rows)
                pooling.append(what.ids_per_sample * share)
            reading[row] = known[key]
        read = self._read(workload, world_size, distributions, pooling, {})
        return BlockReadings(read, reading, parts)

    def of_shards(
        self, table: NDArray[np.int32], row_shards: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """(O,) each: what to read off here for a shard, and how many shards share it evenly."""
        reading = table.copy()
        for cut, first in self._first_block.items():
            cut_so = row_shards == cut
            reading[cut_so] = first[table[cut_so]]
        return reading, np.where(reading == table, row_shards, 1)


@dataclass(frozen=True, eq=False, slots=True)
class BlockReadings:
    """Of K row blocks: what to read off where, and how many blocks share it evenly; (K,) each."""

    readings: Readings
    reading: NDArray[np.int32]
    parts: NDArray[np.int64]


def _class_of(whole: RowDistribution, start: int, end: int) -> tuple[int, ...]:
    """Where rows lie: equal for blocks of equal height whose rows are all equally likely."""
    edges = np.cumsum(whole.counts)
    first, last = np.searchsorted(edges, [start, end - 1], side="right").tolist()
    return (first, last, end - start) if first == last else (first, last, end - start, start)
