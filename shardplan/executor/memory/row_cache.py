"""A set-associative cache of rows over a lower tier, managed by software."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import torch

from shardplan.executor.memory.cache_counters import CacheCounters
from shardplan.executor.memory.cache_directory import CacheDirectory
from shardplan.executor.memory.replacement import replacement_of
from shardplan.executor.tensors.tensor import DTYPES
from shardplan.workload.training import CacheAlgorithm

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from shardplan.executor.memory.cache_counters import CacheMeans
    from shardplan.executor.memory.memory_pool import MemoryPool
    from shardplan.executor.memory.row_store import Tier
    from shardplan.executor.tensors.tensor import Tensor
    from shardplan.workload.dtype import Dtype

_INDEX_BYTES = 8
_WARMED = 2**14
"""Rows that are brought in at a time before the first batch."""
_PASSAGES = 3
"""Of a row to HBM: it comes, one leaves HBM for DDR, and one leaves DDR for SSD."""


class RowCache:
    """Rows in the slots of one tier, over those of a lower one.

    A row that leaves is written to the tier below (write-back), which is told what it was worth, so
    that a cache there goes on from it.

    As the top tier it is staged; between two tiers a row is either here or above, never both.
    """

    def __init__(
        self,
        below: Tier,
        pool: MemoryPool,
        rows: int,
        slots: int,
        columns: int,
        dtype: Dtype,
        *,
        algorithm: CacheAlgorithm = CacheAlgorithm.LRU,
        has_map: bool = False,
        passage: MemoryPool | None = None,
    ) -> None:
        """``has_map`` spends 4 bytes a row of the table to find slots without comparing tags.

        ``passage`` is where rows lie that have left one tier and not yet reached the next.
        """
        self.below = below
        self.counters = CacheCounters()
        self._directory = CacheDirectory(pool, rows, slots, has_map)
        self._replacement = replacement_of(algorithm, self._directory, pool, rows)
        self._values = pool.allocate((self.slots, columns), DTYPES[dtype], "cache")
        self._row_bytes = columns * int(self._values.element_size())
        self._passage = passage

    def means(self, steps: int) -> CacheMeans:
        """The counters as means over that many steps."""
        return self.counters.means(steps, self.slots, self._row_bytes)

    def forget_counts(self) -> None:
        """Count from zero."""
        self.counters = CacheCounters()

    @property
    def slots(self) -> int:
        """How many rows there is room for."""
        return self._directory.slots

    def stage(self, rows: Tensor, reads: Tensor) -> Tensor:
        """Bring distinct rows in and pin them; the slot of each, -1 where its set is full.

        ``reads`` says how many ids of the batch read each row.
        """
        slots = self._directory.find(rows)
        here = slots >= 0
        found = slots[here]
        self._directory.pins[found] += 1
        self._replacement.read(rows, found, reads)
        missing = rows[~here]
        self.counters.count(here, reads)
        if len(missing):
            places = self._replacement.admitted(missing)
            placed = places >= 0
            with self._passing(len(missing)):
                coming = self.below.take(missing[placed], reads[~here][placed])
                stamps = self._replacement.of_read(missing[placed])
                self._settle(missing[placed], places[placed], coming, stamps)
            self._directory.pins[places[placed]] = 1
            self.counters.bypassed += len(missing) - int(placed.sum())
            slots[~here] = places
        return slots

    def warm(self, rows: Tensor, reads: Tensor) -> None:
        """Fill empty slots, here and in caches below, with distinct rows, hottest first.

        Before the first batch, or after ``forget``. ``reads`` says how often each was read in what
        it is known to be hot from. Those for which a set has no room go one tier down.
        """
        rows, reads = self._moved(rows), self._moved(reads)
        self.fill(rows, self._replacement.begin(rows, reads))
        self.forget_counts()

    def fill(self, rows: Tensor, stamps: Tensor) -> None:
        """Bring distinct rows, worth what their stamps say, into empty slots, some at a time."""
        rows, stamps = self._moved(rows), self._moved(stamps)
        others = []
        for some, worth in zip(rows.split(_WARMED), stamps.split(_WARMED), strict=True):
            places = self._directory.places(some, self._replacement.of_slots)
            is_free = self._directory.rows[places.clamp(min=0)] < 0
            placed = (places >= 0) & is_free
            with self._passing(int(placed.sum())):
                coming = self.below.read(some[placed])
                self._settle(some[placed], places[placed], coming, worth[placed])
            others.append(~placed)
        if others and isinstance(self.below, RowCache):
            left = torch.cat(others)
            self.below.fill(rows[left], stamps[left])

    def release(self, slots: Tensor) -> None:
        """Unpin what ``stage`` answered with."""
        self._directory.pins[slots[slots >= 0]] -= 1

    def read(self, rows: Tensor) -> Tensor:
        """Copies of distinct rows: from here, or from below."""
        rows = self._moved(rows)
        slots = self._directory.find(rows)
        values = self._values[slots.clamp(min=0)]
        away = slots < 0
        if bool(away.any()):
            values[away] = self._here(self.below.read(rows[away]))
        return values

    def write(self, rows: Tensor, values: Tensor) -> None:
        """Replace distinct rows: here, or below."""
        rows, values = self._moved(rows), self._here(values)
        slots = self._directory.find(rows)
        here = slots >= 0
        self._values[slots[here]] = values[here]
        if not bool(here.all()):
            self.below.write(rows[~here], values[~here])

    def add(self, rows: Tensor, changes: Tensor) -> None:
        """Add fp32 numbers to distinct rows; half precision is rounded once."""
        self.write(rows, self.read(rows).float().add_(changes))

    def take(self, rows: Tensor, reads: Tensor) -> Tensor:
        """Give distinct rows to the tier above; their slots become free."""
        rows, reads = self._moved(rows), self._moved(reads)
        slots = self._directory.find(rows)
        here = slots >= 0
        values = self._values[slots.clamp(min=0)]
        self.counters.count(here, reads)
        if not bool(here.all()):
            values[~here] = self._here(self.below.take(rows[~here], reads[~here]))
        self._directory.vacate(slots[here])
        return values

    def put(self, rows: Tensor, values: Tensor, stamps: Tensor) -> None:
        """Take distinct rows back from the tier above."""
        rows, values, stamps = self._moved(rows), self._here(values), self._moved(stamps)
        places = self._directory.places_by(stamps, rows, self._replacement.of_slots)
        placed = places >= 0
        if not bool(placed.all()):
            self.below.put(rows[~placed], values[~placed], stamps[~placed])
            self.counters.bypassed += len(rows) - int(placed.sum())
            rows, places, values, stamps = (x[placed] for x in (rows, places, values, stamps))
        self._settle(rows, places, values, stamps)

    def settled(self) -> Tensor:
        """Write every row down, which stays here too, and give the rows of the lowest tier."""
        whole = self.below.settled()
        held, here = self._directory.rows, whole.device
        full = held >= 0
        whole.index_copy_(0, held[full].to(here), self._values[full].to(here, whole.dtype))
        return whole

    def forget(self) -> None:
        """Empty the cache, and those below."""
        self._directory.forget()
        self._replacement.forget()
        self.below.forget()

    def _settle(self, rows: Tensor, slots: Tensor, values: Tensor, stamps: Tensor) -> None:
        """Fill slots, after what is in them has gone below."""
        old = self._directory.rows[slots]
        leaving = old >= 0
        going = slots[leaving]
        if len(going):
            self.counters.evictions += len(going)
            values_going, worth = self._values[going], self._replacement.of_slots(going)
            self._directory.vacate(going)
            self.below.put(old[leaving], values_going, worth)
        self._values[slots] = self._here(values)
        self._directory.put(rows, slots)
        self._replacement.put(rows, slots, stamps)

    def _passing(self, rows: int) -> AbstractContextManager[None]:
        """Room for copies of rows that come, and of as many that leave this tier and the next."""
        if self._passage is None:
            return nullcontext()
        return self._passage.held(rows * _PASSAGES * (self._row_bytes + _INDEX_BYTES), "passage")

    def _here(self, values: Tensor) -> Tensor:
        return values.to(self._values.device, self._values.dtype)

    def _moved(self, numbers: Tensor) -> Tensor:
        return numbers.to(self._directory.device)
