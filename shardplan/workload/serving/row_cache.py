"""The cache in HBM of rows that lie in DDR, as FBGEMM's inference kernel keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

ASSOCIATIVITY = 32
"""Slots of a set: as many as a warp has threads."""
_DIRECTORY_ROW_BYTES = 4
_SLOT_STATE_BYTES = 16


@dataclass(frozen=True, slots=True)
class RowCache:
    """One cache for a group of tables: sets of slots, each as wide as the widest row of all."""

    rows: int
    """Of all tables of the group."""
    widest_row_bytes: int
    slots: int
    """Whole sets."""

    @classmethod
    def of_load_factor(cls, rows: int, widest_row_bytes: int, load_factor: float) -> Self:
        """With slots for that share of the rows, and one set at least."""
        sets = max(1, -(-int(rows * load_factor) // ASSOCIATIVITY))
        return cls(rows, widest_row_bytes, sets * ASSOCIATIVITY)

    @property
    def slot_bytes(self) -> int:
        """A row, which row it is, and when it was last read."""
        return self.widest_row_bytes + _SLOT_STATE_BYTES

    @property
    def hbm_bytes(self) -> int:
        """Slots, and for each row of the tables in which of them it is."""
        return self.slots * self.slot_bytes + self.rows * _DIRECTORY_ROW_BYTES
