"""The cache in HBM of rows that lie in DDR, as FBGEMM's inference kernel keeps it."""

from __future__ import annotations

from dataclasses import dataclass

_ASSOCIATIVITY = 32
_DIRECTORY_ROW_BYTES = 4
_SLOT_STATE_BYTES = 16


@dataclass(frozen=True, slots=True)
class RowCache:
    """One cache for a group of tables: sets of slots, each as wide as the widest row of all."""

    rows: int
    """Of all tables of the group."""
    widest_row_bytes: int
    load_factor: float
    """Share of the rows for which there are slots."""

    @property
    def slots(self) -> int:
        """Whole sets of 32, as many as the threads of a warp."""
        wanted = int(self.rows * self.load_factor)
        sets = max(1, -(-wanted // _ASSOCIATIVITY))
        return sets * _ASSOCIATIVITY

    @property
    def hbm_bytes(self) -> int:
        """Slots with their state (the row held, and when it was last read), and for each row of the
        tables which of them it is in."""
        of_slot = self.widest_row_bytes + _SLOT_STATE_BYTES
        return self.slots * of_slot + self.rows * _DIRECTORY_ROW_BYTES
