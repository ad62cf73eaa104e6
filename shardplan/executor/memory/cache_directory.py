"""Which row of a table lies in which slot of a cache, and which slots a new row may take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.executor.memory.memory_pool import MemoryPool
    from shardplan.executor.tensors.tensor import Device, Tensor

MOST_WAYS = 32
"""Rows of a set at most, as in FBGEMM's cache: one for each thread of a warp."""
NOWHERE = -1
"""The slot of a row that is not here, and the row of an empty slot."""
_GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)
_PINNED = torch.iinfo(torch.int64).max


class CacheDirectory:
    """Slots in sets: a row may lie in any way of one set, chosen by Fibonacci hashing.

    That spreads neighbouring rows evenly (Knuth, The Art of Computer Programming 3, section 6.4).
    Rows in use are pinned and never leave.
    """

    def __init__(self, pool: MemoryPool, rows: int, slots: int, has_map: bool) -> None:
        """Of nearly that many slots; see ``RowCache`` for ``has_map``."""
        self._sets, self._ways = _shape(slots)
        self.rows = pool.allocate((self.slots,), torch.int64, "cache").fill_(NOWHERE)
        """(slots,): the row in each."""
        self.pins = pool.allocate((self.slots,), torch.int32, "cache")
        """(slots,): the batches in flight that read it."""
        self._map = pool.allocate((rows,), torch.int32, "cache").fill_(NOWHERE) if has_map else None

    @property
    def slots(self) -> int:
        """How many rows there is room for."""
        return self._sets * self._ways

    @property
    def device(self) -> Device:
        """Where the directory lies; so do the numbers of rows that it is asked for."""
        return self.rows.device

    def find(self, rows: Tensor) -> Tensor:
        """The slot of each row, -1 where it is not here."""
        if self._map is not None:
            return self._map[rows].long()
        sets = self._set_of(rows)
        ways = self.rows.view(self._sets, self._ways)[sets] == rows.unsqueeze(1)
        slots = sets * self._ways + ways.int().argmax(1)
        return torch.where(ways.any(1), slots, NOWHERE)

    def places(self, rows: Tensor, worth_of: Callable[[Tensor], Tensor]) -> Tensor:
        """A slot for each row that comes, -1 where its set has none to give.

        Of each set the ways are sorted by what their rows are worth, empty ones first and pinned
        ones last; the first row that comes takes the first, and so on. ``worth_of`` slots says what
        the rows in them are worth.
        """
        sets, order = torch.sort(self._set_of(rows), stable=True)
        unique, inverse, counts = torch.unique_consecutive(
            sets, return_inverse=True, return_counts=True
        )
        firsts = counts.cumsum(0) - counts
        rank = torch.arange(len(rows), device=rows.device) - firsts[inverse]
        shape = (self._sets, self._ways)
        pinned = self.pins.view(shape)[unique] > 0
        held = self.rows.view(shape)[unique]
        of_sets = torch.arange(self.slots, device=rows.device).view(shape)[unique]
        worth = worth_of(of_sets).masked_fill(pinned, _PINNED).masked_fill(held < 0, NOWHERE)
        ways = torch.argsort(worth, dim=1, stable=True)
        free = self._ways - pinned.sum(1)
        chosen = ways[inverse, rank.clamp(max=self._ways - 1)] + sets * self._ways
        slots = torch.empty_like(sets)
        slots[order] = torch.where(rank < free[inverse], chosen, NOWHERE)
        return slots

    def places_by(
        self, worth: Tensor, rows: Tensor, worth_of: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """The same; of the rows that come, those worth most come first in each set."""
        best = torch.argsort(worth, descending=True, stable=True)
        places = torch.empty_like(rows)
        places[best] = self.places(rows[best], worth_of)
        return places

    def put(self, rows: Tensor, slots: Tensor) -> None:
        """Rows lie in these slots from now on."""
        self.rows[slots] = rows
        if self._map is not None:
            self._map[rows] = slots.int()

    def vacate(self, slots: Tensor) -> None:
        """Nothing lies in these slots any more."""
        if self._map is not None:
            rows = self.rows[slots]
            self._map[rows[rows >= 0]] = NOWHERE
        self.rows[slots] = NOWHERE

    def forget(self) -> None:
        """Empty every slot, pinned or not."""
        self.vacate(torch.arange(self.slots, device=self.device))
        self.pins.zero_()

    def _set_of(self, rows: Tensor) -> Tensor:
        high = ((rows * _GOLDEN) >> 33) & 0x7FFFFFFF
        return (high * self._sets) >> 31


def _shape(slots: int) -> tuple[int, int]:
    """Sets and ways of nearly that many slots: full sets, or one more of smaller ones."""
    sets = -(-slots // MOST_WAYS)
    full, smaller = (slots // MOST_WAYS, MOST_WAYS), (sets, slots // sets)
    return max(full, smaller, key=lambda shape: shape[0] * shape[1])
