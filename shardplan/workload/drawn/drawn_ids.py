"""Ids that hit the rows of a table as its access pattern says."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

from shardplan.workload.drawn.scattered_rows import scattered
from shardplan.workload.row_order import RowOrder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.workload.table import Table


def draw_ids(table: Table, count: int, random: np.random.Generator) -> NDArray[np.int64]:
    """(count,): independent ids.

    The hottest rows lie anywhere in a table whose ids are hashed, in each table elsewhere, and come
    first in one whose ids are ``by_frequency``. Padding is where its id says.
    """
    rows = table.pattern.distribution(table.rows, table.pooling)
    ends = np.cumsum(rows.counts)
    shares = np.cumsum(rows.counts * rows.probabilities)
    classes = np.searchsorted(shares / shares[-1], random.random(count), side="right")
    classes = np.minimum(classes, len(ends) - 1)
    rank = ends[classes] - rows.counts[classes] * random.random(count)
    ranks: NDArray[np.int64] = np.clip(rank.astype(np.int64), 0, table.rows - 1)
    if table.ids is not RowOrder.BY_FREQUENCY:
        key = zlib.crc32(f"{table.module}/{table.name}".encode())
        ranks = scattered(ranks, table.rows, key)
    if padding := table.padding:
        ranks[random.random(count) < padding.share] = padding.id
    return ranks


def draw_lengths(table: Table, samples: int, random: np.random.Generator) -> NDArray[np.int64]:
    """(samples,): ids of each sample; their mean is the pooling as nearly as whole numbers can."""
    whole, rest = divmod(table.pooling, 1)
    more = random.permutation(samples) < round(rest * samples)
    return np.full(samples, int(whole), np.int64) + more
