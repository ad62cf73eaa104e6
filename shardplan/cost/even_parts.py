"""How many row shards of a table whose rows are read alike share what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROUNDED_ROWS = 64
"""From here on rounding up the rows of a shard changes what it draws by less than 2%."""
_NEXT_TO_NOTHING = 1e-9


def even_parts(
    rows: NDArray[np.int64], cut: NDArray[np.int64], block: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(K,): the rows of a table over those of one of its ``cut`` row shards, which are rounded up.

    Row-wise tables of a few rows lie on the first devices alone: of 3 rows on 8 devices each of
    three has a third, and not an eighth. One without rows has next to nothing.
    """
    height = -(-rows // cut)
    held = np.clip(rows - block * height, 0, height)
    found: NDArray[np.float64] = rows / np.maximum(held, _NEXT_TO_NOTHING)
    return np.where((height < ROUNDED_ROWS) & (cut > 1), found, cut)
