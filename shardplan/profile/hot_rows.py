"""The hottest ids of a table as a file: for static caches, and to warm up those of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.profile.arrow import parquet_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray


ROW = "id"
"""The column of ids that are rows."""
RAW_ID = "raw_id"
"""The column of ids that a dictionary of the trainer's has yet to make rows of."""


def hottest(
    ids: NDArray[np.int64], counts: NDArray[np.int64], most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """At most so many ids with how often they were read, hottest first; ties by id."""
    order = np.lexsort((ids, -counts))[:most]
    return ids[order], counts[order]


def hot_rows_data(ids: NDArray[np.int64], counts: NDArray[np.int64], column: str = ROW) -> bytes:
    """A Parquet file with the columns ``id`` (or as given) and ``count``, int64, in their order.

    Raises InputError where pyarrow is missing.
    """
    return parquet_bytes({column: ids, "count": counts})
