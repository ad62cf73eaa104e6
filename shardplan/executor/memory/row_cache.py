"""A set-associative cache of rows over a lower tier, managed by software."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch

from shardplan.executor.memory.cache_counters import CacheCounters
from shardplan.executor.tensors.tensor import DTYPES
from shardplan.workload.training import CacheAlgorithm

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from shardplan.executor.memory.memory_pool import MemoryPool
    from shardplan.executor.memory.row_store import Tier
    from shardplan.executor.tensors.tensor import Tensor
    from shardplan.workload.dtype import Dtype

MOST_WAYS = 32
"""Rows of a set at most, as in FBGEMM's cache: one for each thread of a warp."""
_GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)
_PINNED = torch.iinfo(torch.int64).max
_EMPTY, _INDEX_BYTES = -1, 8
_PASSAGES = 3
"""Of a row to HBM: it comes, one leaves HBM for DDR, and one leaves DDR for SSD."""


class RowCache:
    """Rows in the slots of one tier; which row leaves a full set is decided by LRU or LFU.

    A row may lie in any way of one set, chosen by Fibonacci hashing, which spreads neighbouring
    rows evenly (Knuth, The Art of Computer Programming 3, section 6.4). LRU keeps the number of
    the batch that last read a row. LFU counts the ids that ever read each row of the table, here or
    not, and keeps a row out that was read less often than the one it would replace: so FBGEMM does,
    and so the rows read most come to stay. Rows in use are pinned and never leave. A row that
    leaves is written to the tier below (write-back), which is told how dear it was, so that a cache
    there goes on from it.

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
        self._sets, self._ways = _shape(slots)
        slots = self._sets * self._ways
        self._values = pool.allocate((slots, columns), DTYPES[dtype], "cache")
        self._row_bytes = columns * int(self._values.element_size())
        self._rows = pool.allocate((slots,), torch.int64, "cache").fill_(_EMPTY)
        is_lfu = algorithm is CacheAlgorithm.LFU
        # How dear rows are: those here, by their last batch; or all of the table, by their reads.
        self._stamps: Any = None if is_lfu else pool.allocate((slots,), torch.int64, "cache")
        self._reads: Any = pool.allocate((rows,), torch.int64, "cache") if is_lfu else None
        self._passage = passage
        self._pins = pool.allocate((slots,), torch.int32, "cache")
        self._map = pool.allocate((rows,), torch.int32, "cache").fill_(_EMPTY) if has_map else None
        self._now = 0

    def counted(self, steps: int) -> dict[str, float]:
        """The counters as means over so many steps, and the bytes that moved up and down."""
        found = self.counters
        return {
            "slots": self.slots,
            "hit_rate": found.hit_rate,
            "hits": found.hits / steps,
            "misses": found.misses / steps,
            "bypassed": found.bypassed / steps,
            "evictions": found.evictions / steps,
            "fetched_bytes": found.misses * self._row_bytes / steps,
            "written_bytes": found.evictions * self._row_bytes / steps,
        }

    def forget_counts(self) -> None:
        """Count from zero."""
        self.counters = CacheCounters()

    @property
    def slots(self) -> int:
        """How many rows there is room for."""
        return self._sets * self._ways

    def stage(self, rows: Tensor, reads: Tensor) -> Tensor:
        """Bring distinct rows in and pin them; the slot of each, -1 where its set is full.

        ``reads`` says how many ids of the batch read each row.
        """
        slots = self._find(rows)
        here = slots >= 0
        found = slots[here]
        self._pins[found] += 1
        self._touch(rows, found, reads)
        missing = rows[~here]
        self.counters.count(here, reads)
        if len(missing):
            places = self._admitted(missing)
            placed = places >= 0
            with self._passing(len(missing)):
                coming = self.below.take(missing[placed], reads[~here][placed])
                stamps = self._fresh(missing[placed])
                self._settle(missing[placed], places[placed], coming, stamps)
            self._pins[places[placed]] = 1
            self.counters.bypassed += len(missing) - int(placed.sum())
            slots[~here] = places
        return slots

    def release(self, slots: Tensor) -> None:
        """Unpin what ``stage`` answered with."""
        self._pins[slots[slots >= 0]] -= 1

    def read(self, rows: Tensor) -> Tensor:
        """Copies of distinct rows: from here, or from below."""
        rows = self._moved(rows)
        slots = self._find(rows)
        values = self._values[slots.clamp(min=0)]
        away = slots < 0
        if bool(away.any()):
            values[away] = self._here(self.below.read(rows[away]))
        return values

    def write(self, rows: Tensor, values: Tensor) -> None:
        """Replace distinct rows: here, or below."""
        rows, values = self._moved(rows), self._here(values)
        slots = self._find(rows)
        here = slots >= 0
        self._values[slots[here]] = values[here]
        if not bool(here.all()):
            self.below.write(rows[~here], values[~here])

    def take(self, rows: Tensor, reads: Tensor) -> Tensor:
        """Give distinct rows to the tier above; their slots become free."""
        rows, reads = self._moved(rows), self._moved(reads)
        slots = self._find(rows)
        here = slots >= 0
        values = self._values[slots.clamp(min=0)]
        self.counters.count(here, reads)
        if not bool(here.all()):
            values[~here] = self._here(self.below.take(rows[~here], reads[~here]))
        self._vacate(slots[here])
        return values

    def put(self, rows: Tensor, values: Tensor, stamps: Tensor) -> None:
        """Take distinct rows back from the tier above."""
        rows, values, stamps = self._moved(rows), self._here(values), self._moved(stamps)
        places = self._places_by(stamps, rows)
        placed = places >= 0
        if not bool(placed.all()):
            self.below.put(rows[~placed], values[~placed], stamps[~placed])
            self.counters.bypassed += len(rows) - int(placed.sum())
            rows, places, values, stamps = (x[placed] for x in (rows, places, values, stamps))
        self._settle(rows, places, values, stamps)

    def settled(self) -> Tensor:
        """Write every row down, which stays here too, and give the rows of the lowest tier."""
        whole = self.below.settled()
        full = self._rows >= 0
        here = whole.device
        whole.index_copy_(0, self._rows[full].to(here), self._values[full].to(here, whole.dtype))
        return whole

    def forget(self) -> None:
        """Empty the cache, and those below."""
        self._vacate(torch.arange(self.slots, device=self._rows.device))
        self._pins.zero_()
        if self._reads is not None:
            self._reads.zero_()
        self.below.forget()

    def _find(self, rows: Tensor) -> Tensor:
        """The slot of each row, -1 where it is not here."""
        if self._map is not None:
            return self._map[rows].long()
        sets = self._set_of(rows)
        ways = self._rows.view(self._sets, self._ways)[sets] == rows.unsqueeze(1)
        slots = sets * self._ways + ways.int().argmax(1)
        return torch.where(ways.any(1), slots, _EMPTY)

    def _set_of(self, rows: Tensor) -> Tensor:
        high = ((rows * _GOLDEN) >> 33) & 0x7FFFFFFF
        return (high * self._sets) >> 31

    def _admitted(self, rows: Tensor) -> Tensor:
        """A slot for each row that misses, -1 where it stays out."""
        if self._reads is None:
            return self._places(rows)
        reads = self._reads[rows]
        places = self._places_by(reads, rows)
        replaced = self._rows[places.clamp(min=0)]
        is_dearer = (replaced >= 0) & (self._reads[replaced.clamp(min=0)] > reads)
        return places.masked_fill(is_dearer, _EMPTY)

    def _places_by(self, dear: Tensor, rows: Tensor) -> Tensor:
        """The same as ``_places``; the dearest rows of each set come first."""
        dearest = torch.argsort(dear, descending=True, stable=True)
        places = torch.empty_like(rows)
        places[dearest] = self._places(rows[dearest])
        return places

    def _places(self, rows: Tensor) -> Tensor:
        """A slot for each row that comes, -1 where its set has none to give.

        Of each set the ways are sorted by how dear their rows are, empty ones first and pinned ones
        last; the first row that comes takes the first, and so on.
        """
        sets, order = torch.sort(self._set_of(rows), stable=True)
        unique, inverse, counts = torch.unique_consecutive(
            sets, return_inverse=True, return_counts=True
        )
        firsts = counts.cumsum(0) - counts
        rank = torch.arange(len(rows), device=rows.device) - firsts[inverse]
        shape = (self._sets, self._ways)
        pinned = self._pins.view(shape)[unique] > 0
        held = self._rows.view(shape)[unique]
        of_sets = torch.arange(self.slots, device=rows.device).view(shape)[unique]
        dear = self._dear(of_sets).masked_fill(pinned, _PINNED).masked_fill(held < 0, _EMPTY)
        ways = torch.argsort(dear, dim=1, stable=True)
        free = self._ways - pinned.sum(1)
        chosen = ways[inverse, rank.clamp(max=self._ways - 1)] + sets * self._ways
        slots = torch.empty_like(sets)
        slots[order] = torch.where(rank < free[inverse], chosen, _EMPTY)
        return slots

    def _settle(self, rows: Tensor, slots: Tensor, values: Tensor, stamps: Tensor) -> None:
        """Fill slots, after what is in them has gone below."""
        old = self._rows[slots]
        leaving = old >= 0
        going = slots[leaving]
        if len(going):
            self.counters.evictions += len(going)
            values_going, dear = self._values[going], self._dear(going)
            self._vacate(going)
            self.below.put(old[leaving], values_going, dear)
        self._values[slots] = self._here(values)
        self._rows[slots] = rows
        if self._reads is None:
            self._stamps[slots] = stamps
        else:
            self._reads[rows] = stamps
        if self._map is not None:
            self._map[rows] = slots.int()

    def _vacate(self, slots: Tensor) -> None:
        if self._map is not None:
            rows = self._rows[slots]
            self._map[rows[rows >= 0]] = _EMPTY
        self._rows[slots] = _EMPTY

    def _touch(self, rows: Tensor, slots: Tensor, reads: Tensor) -> None:
        """A batch reads rows, of which those in the slots are here."""
        self._now += 1
        if self._reads is None:
            self._stamps[slots] = self._now
        else:
            self._reads[rows] += reads

    def _fresh(self, rows: Tensor) -> Tensor:
        """How dear rows are that this batch reads."""
        return torch.full_like(rows, self._now) if self._reads is None else self._reads[rows]

    def _dear(self, slots: Tensor) -> Tensor:
        """How dear the rows in these slots are; of empty slots anything."""
        if self._reads is None:
            return self._stamps[slots]
        return self._reads[self._rows[slots].clamp(min=0)]

    def _passing(self, rows: int) -> AbstractContextManager[None]:
        """Room for copies of rows that come, and of as many that leave this tier and the next."""
        if self._passage is None:
            return nullcontext()
        return self._passage.held(rows * _PASSAGES * (self._row_bytes + _INDEX_BYTES), "passage")

    def _here(self, values: Tensor) -> Tensor:
        return values.to(self._values.device, self._values.dtype)

    def _moved(self, numbers: Tensor) -> Tensor:
        return numbers.to(self._rows.device)


def _shape(slots: int) -> tuple[int, int]:
    """Sets and ways of nearly so many slots: full sets, or one more of smaller ones."""
    sets = -(-slots // MOST_WAYS)
    full, smaller = (slots // MOST_WAYS, MOST_WAYS), (sets, slots // sets)
    return max(full, smaller, key=lambda shape: shape[0] * shape[1])
