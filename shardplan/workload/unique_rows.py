"""Distinct rows per batch, for all tables of a workload at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.workload.table import Table


def unique_rows(tables: Sequence[Table], *batches: float) -> NDArray[np.float64]:
    """(T, len(batches)): distinct rows of each table that so many samples are expected to touch.

    Tables alike in rows, pooling and access are computed once.
    """
    known: dict[object, list[float]] = {}
    found = np.empty((len(tables), len(batches)))
    for index, table in enumerate(tables):
        key = (table.rows, table.pooling, table.access)
        if key not in known:
            rows = table.access.distribution(table.rows, table.pooling)
            known[key] = [rows.unique_rows(batch * table.pooling) for batch in batches]
        found[index] = known[key]
    return found
