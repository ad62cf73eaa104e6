"""What went through a cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.executor.tensors.tensor import Tensor


@dataclass(frozen=True, slots=True)
class CacheMeans:
    """What went through a cache in a step; rows are distinct ones of a batch."""

    slots: int
    hit_rate: float
    """Of ids."""
    hits: float
    misses: float
    bypassed: float
    evictions: float
    fetched_bytes: float
    written_bytes: float


@dataclass(slots=True)
class CacheCounters:
    """What went through a cache, in rows; a batch counts each of its distinct rows once."""

    reads: int = 0
    """Ids of all batches that asked here."""
    read_hits: int = 0
    """Of them, ids whose row was here as their batch began."""
    hits: int = 0
    misses: int = 0
    bypassed: int = 0
    """Of the misses, rows whose set was full of rows in use or worth more: read past it."""
    evictions: int = 0

    @property
    def hit_rate(self) -> float:
        """Share of the ids whose row was here as their batch began."""
        return self.read_hits / max(1, self.reads)

    def count(self, here: Tensor, reads: Tensor) -> None:
        """Rows that were asked for: whether each was here, and how many ids read it."""
        found = int(here.sum())
        self.hits += found
        self.misses += here.numel() - found
        self.reads += int(reads.sum())
        self.read_hits += int(reads[here].sum())

    def means(self, steps: int, slots: int, row_bytes: int) -> CacheMeans:
        """Over that many steps, of a cache with that many slots for rows of that size."""
        return CacheMeans(
            slots,
            self.hit_rate,
            hits=self.hits / steps,
            misses=self.misses / steps,
            bypassed=self.bypassed / steps,
            evictions=self.evictions / steps,
            fetched_bytes=self.misses * row_bytes / steps,
            written_bytes=self.evictions * row_bytes / steps,
        )
