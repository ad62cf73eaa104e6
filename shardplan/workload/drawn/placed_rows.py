"""Where the rows of a table lie, by how hot they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.workload.drawn.scattered_rows import scattered
from shardplan.workload.row_order import RowOrder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shardplan.workload.access import Padding


def ranked_rows(rows: int, order: RowOrder, padding: Padding | None) -> int:
    """How many rows ids that are no padding hit: where they are hashed, any but the padded one.

    In order, the padded row has its rank beside.
    """
    return max(rows - 1, 1) if padding and order is not RowOrder.BY_FREQUENCY else rows


def placed_rows(
    ranks: NDArray[np.int64], rows: int, order: RowOrder, padding: Padding | None, key: int
) -> NDArray[np.int64]:
    """(n,): the rows of ranks below ``ranked_rows``, 0 the hottest; ``key`` says how they lie."""
    if order is RowOrder.BY_FREQUENCY:
        return ranks
    others = ranked_rows(rows, order, padding)
    found = scattered(ranks, others, key)
    if padding and others < rows:
        found += found >= padding.id
    return found
