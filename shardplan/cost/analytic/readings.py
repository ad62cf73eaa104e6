"""Which rows of its tables a batch reads: of tables, and of row shards that are not alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.analytic.caches.cache_misses import CacheMisses
from shardplan.cost.even_parts import even_parts
from shardplan.workload.block_reads import BlockRead, BlockReads
from shardplan.workload.row_reads import row_distributions, unique_rows
from shardplan.workload.training import CacheAlgorithm

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from numpy.typing import NDArray

    from shardplan.workload.row_distribution import RowDistribution
    from shardplan.workload.table import Table
    from shardplan.workload.workload import Workload


@dataclass(frozen=True, eq=False, slots=True)
class Readings:
    """What is read of T tables whole, then of blocks of rows that are read more than others.

    Where ids are hashed, each of n row shards has every n-th row, and does an n-th of what the
    table does; of a table of few rows all count as high as the first (``even_parts``). Where ids
    are by frequency, the first block has the hottest rows, and where lists are padded, one block
    has the padded row: the busiest is a reading of its own, and stands for all blocks of its table,
    since the others wait for it.
    """

    rows: NDArray[np.int64]
    """(T,): of the tables."""
    distributions: tuple[RowDistribution, ...]
    """(R,): how likely each row is to be read."""
    pooling: NDArray[np.float64]
    """(R,): ids per sample of the batch."""
    sent: NDArray[np.float64]
    """(R,): of these those that travel and are looked up: where ids are made distinct, the distinct
    ones of a rank's part of the batch."""
    most_sent: NDArray[np.float64]
    """(R,): the same of samples with as many ids as they may have."""
    sent_distributions: tuple[RowDistribution, ...]
    """(R,): how likely these are to read each row."""
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
        whole = row_distributions(tables)
        found = [_Read(table, BlockRead(rows)) for table, rows in zip(tables, whole, strict=True)]
        first_block = {}
        for cut in sorted(set(row_cuts) - {1}):
            first_block[cut] = np.arange(len(tables), dtype=np.int32)
            for index, table in enumerate(tables):
                if table.is_uneven:
                    first_block[cut][index] = len(found)
                    found.append(_Read(table, BlockReads(table, whole[index], cut).most))
        return cls._read(workload, world_size, found, first_block)

    @classmethod
    def _read(
        cls,
        workload: Workload,
        world_size: int,
        found: Sequence[_Read],
        first_block: dict[int, NDArray[np.int32]],
    ) -> Readings:
        batch = float(workload.global_batch)
        distributions = tuple(each.rows.distribution for each in found)
        ids = np.array([each.table.ids_per_sample * each.rows.share for each in found], np.float64)
        most = np.array([each.table.cap * each.rows.share for each in found], np.float64)
        of_rank = unique_rows(distributions, batch / world_size * ids)
        over_ssd = CacheMisses(distributions, batch * ids)
        seldom = CacheMisses(distributions, over_ssd.draws, CacheAlgorithm.LFU)
        algorithm = workload.training.cache_algorithm
        dedup = np.array([each.table.collection.dedup for each in found], dtype=bool)
        sent, most_sent, sent_distributions = ids, most, distributions
        if dedup.any():
            samples = batch / world_size
            most_of_rank = unique_rows(distributions, samples * most)
            sent = np.where(dedup, of_rank / samples, ids)
            most_sent = np.where(dedup, most_of_rank / samples, most)
            sent_distributions = tuple(
                rows.distinct(samples * drawn) if once and drawn else rows
                for rows, drawn, once in zip(distributions, ids.tolist(), dedup, strict=True)
            )
        return cls(
            rows=np.array([table.rows for table in workload.tables], dtype=np.int64),
            distributions=distributions,
            pooling=ids,
            sent=sent,
            most_sent=most_sent,
            sent_distributions=sent_distributions,
            unique_rows=unique_rows(distributions, batch * ids),
            unique_rows_of_rank=of_rank,
            misses=seldom if algorithm is CacheAlgorithm.LFU else over_ssd,
            misses_over_ssd=over_ssd,
            misses_of_seldom=seldom,
            _first_block=first_block,
        )

    def of_rows(
        self, workload: Workload, world_size: int, rows: Sequence[tuple[Table, BlockRead]]
    ) -> Readings:
        """What is read of given rows of tables, in this order."""
        return self._read(workload, world_size, [_Read(*each) for each in rows], {})

    def of_blocks(
        self,
        workload: Workload,
        world_size: int,
        table: NDArray[np.int32],
        row_shards: NDArray[np.int64],
        block: NDArray[np.int64],
    ) -> BlockReadings:
        """What is read of given row blocks, (K,) each; of even tables one is like another.

        Blocks whose rows are all equally likely share a reading.
        """
        known: dict[Hashable, int] = {}
        found: list[_Read] = []
        reads: dict[tuple[int, int], BlockReads] = {}
        reading = np.empty(len(table), dtype=np.int32)
        parts = even_parts(self.rows[table], row_shards, block)
        cuts = list(zip(table.tolist(), row_shards.tolist(), block.tolist(), strict=True))
        for row, (index, cut, number) in enumerate(cuts):
            whole, what = self.distributions[index], workload.tables[index]
            key: Hashable = (index,)
            if what.is_uneven:
                if (index, cut) not in reads:
                    reads[index, cut] = BlockReads(what, whole, cut)
                key = (index, cut, reads[index, cut].alike(number))
            if key not in known:
                known[key] = len(found)
                even = BlockRead(whole)
                found.append(_Read(what, reads[index, cut].of(number) if what.is_uneven else even))
            reading[row] = known[key]
            if what.is_uneven:
                parts[row] = found[known[key]].rows.parts
        return BlockReadings(self._read(workload, world_size, found, {}), reading, parts)

    def busiest_blocks(
        self, workload: Workload, table: NDArray[np.int32], row_shards: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """(O,): the block that stands for all of a table; -1 where none does."""
        found = np.zeros(len(table), dtype=np.int64)
        padded = [index for index, each in enumerate(workload.tables) if each.padding]
        for option in np.flatnonzero(np.isin(table, padded)).tolist():
            index, cut = int(table[option]), int(row_shards[option])
            reads = BlockReads(workload.tables[index], self.distributions[index], cut)
            found[option] = -1 if reads.busiest is None else reads.busiest
        return found

    def of_shards(
        self, table: NDArray[np.int32], row_shards: NDArray[np.int64], on_average: bool = False
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """(O,) each: what to read off here for a shard, and how many shards share it evenly.

        ``on_average`` of all of them, and not of the busiest.
        """
        even = even_parts(self.rows[table], row_shards, np.zeros_like(row_shards))
        if on_average:
            return table, even
        reading = table.copy()
        for cut, first in self._first_block.items():
            cut_so = row_shards == cut
            reading[cut_so] = first[table[cut_so]]
        return reading, np.where(reading == table, even, 1.0)


@dataclass(frozen=True, eq=False, slots=True)
class BlockReadings:
    """Of K row blocks: what to read off where, and how many blocks share it evenly; (K,) each."""

    readings: Readings
    reading: NDArray[np.int32]
    parts: NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class _Read:
    """Rows of a table that are read alike."""

    table: Table
    rows: BlockRead
