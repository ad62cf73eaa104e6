"""Which row leaves a full set of a cache, and which one that comes stays out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch

from shardplan.executor.memory.cache_directory import NOWHERE
from shardplan.workload.training import CacheAlgorithm

if TYPE_CHECKING:
    from shardplan.executor.memory.cache_directory import CacheDirectory
    from shardplan.executor.memory.memory_pool import MemoryPool
    from shardplan.executor.tensors.tensor import Tensor


class Replacement(Protocol):
    """What rows are worth keeping: int64 numbers, larger for what should stay, which travel with a
    row as its stamp."""

    def begin(self, rows: Tensor, reads: Tensor) -> Tensor:
        """What rows are worth before any batch, hottest first, of which it is known how often they
        were read elsewhere."""

    def read(self, rows: Tensor, slots: Tensor, reads: Tensor) -> None:
        """A batch reads rows so often; those of them that are here lie in the slots."""

    def of_read(self, rows: Tensor) -> Tensor:
        """What the rows that this batch reads are worth."""

    def of_slots(self, slots: Tensor) -> Tensor:
        """What the rows in these slots are worth; of empty slots anything."""

    def admitted(self, rows: Tensor) -> Tensor:
        """A slot for each row that misses, -1 where it stays out."""

    def put(self, rows: Tensor, slots: Tensor, stamps: Tensor) -> None:
        """Rows come to lie in these slots, worth what their stamps say."""

    def forget(self) -> None:
        """As if nothing had been read."""


class LeastRecentlyRead:
    """LRU: by the number of the batch that last read a row, kept of rows that are here."""

    def __init__(self, directory: CacheDirectory, pool: MemoryPool) -> None:
        self._directory = directory
        self._stamps = pool.allocate((directory.slots,), torch.int64, "cache")
        self._now = 0

    def begin(self, rows: Tensor, reads: Tensor) -> Tensor:
        """As if each had been read in a batch of its own, the hottest in the last one."""
        self._now += len(rows)
        return self._now - torch.arange(len(rows), device=rows.device)

    def read(self, rows: Tensor, slots: Tensor, reads: Tensor) -> None:
        """It is their last batch."""
        self._now += 1
        self._stamps[slots] = self._now

    def of_read(self, rows: Tensor) -> Tensor:
        """The batch itself."""
        return torch.full_like(rows, self._now)

    def of_slots(self, slots: Tensor) -> Tensor:
        """Their last batches."""
        return self._stamps[slots]

    def admitted(self, rows: Tensor) -> Tensor:
        """Whatever is read comes in, while its set has room."""
        return self._directory.places(rows, self.of_slots)

    def put(self, rows: Tensor, slots: Tensor, stamps: Tensor) -> None:
        """Keep the batches."""
        self._stamps[slots] = stamps

    def forget(self) -> None:
        """Empty slots go first, whatever their stamps."""


class LeastOftenRead:
    """LFU: by the ids that ever read a row, counted of each row of the table, here or not.

    A row that was read less often than the one it would replace stays out: so FBGEMM does, and so
    the rows read most come to stay.
    """

    def __init__(self, directory: CacheDirectory, pool: MemoryPool, rows: int) -> None:
        self._directory = directory
        self._reads = pool.allocate((rows,), torch.int64, "cache")

    def begin(self, rows: Tensor, reads: Tensor) -> Tensor:
        """As if they had been read here so often."""
        self._reads[rows] += reads
        return self._reads[rows]

    def read(self, rows: Tensor, slots: Tensor, reads: Tensor) -> None:
        """Count the ids."""
        self._reads[rows] += reads

    def of_read(self, rows: Tensor) -> Tensor:
        """Their counts."""
        return self._reads[rows]

    def of_slots(self, slots: Tensor) -> Tensor:
        """The counts of the rows in them."""
        return self._reads[self._directory.rows[slots].clamp(min=0)]

    def admitted(self, rows: Tensor) -> Tensor:
        """Of each set the rows read most, unless those they would replace are read more."""
        reads = self._reads[rows]
        places = self._directory.places_by(reads, rows, self.of_slots)
        replaced = self._directory.rows[places.clamp(min=0)]
        is_dearer = (replaced >= 0) & (self._reads[replaced.clamp(min=0)] > reads)
        return places.masked_fill(is_dearer, NOWHERE)

    def put(self, rows: Tensor, slots: Tensor, stamps: Tensor) -> None:
        """Go on from the counts of the tier that they come from."""
        self._reads[rows] = stamps

    def forget(self) -> None:
        """Count from zero."""
        self._reads.zero_()


def replacement_of(
    algorithm: CacheAlgorithm, directory: CacheDirectory, pool: MemoryPool, rows: int
) -> Replacement:
    """The rule of that name, for a table of that many rows."""
    if algorithm is CacheAlgorithm.LFU:
        return LeastOftenRead(directory, pool, rows)
    return LeastRecentlyRead(directory, pool)
