"""Tables from which rows were left out."""

from __future__ import annotations

from dataclasses import dataclass

_INT32_BYTES = 4
_INT64_BYTES = 8
_MOST_INT32 = 2 ** (_INT32_BYTES * 8 - 1) - 1


@dataclass(frozen=True, slots=True)
class PrunedRows:
    """The rows left, the hottest, and the array that finds them: one index for each ORIGINAL row.

    Ids of rows left out find -1 and pool as zeros.
    """

    rows: int
    """Before."""
    kept: int
    loss: float = 0.0
    """Of quality, in the user's unit."""

    @property
    def remap_bytes(self) -> int:
        """Of the array; 0 where nothing was left out."""
        if self.kept == self.rows:
            return 0
        return self.rows * (_INT32_BYTES if self.kept <= _MOST_INT32 else _INT64_BYTES)
