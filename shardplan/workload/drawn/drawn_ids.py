"""Ids that hit the rows of a table as its access pattern says."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

from shardplan.workload.drawn.placed_rows import placed_rows, ranked_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.workload.table import Table


def draw_ids(table: Table, count: int, random: np.random.Generator) -> NDArray[np.int64]:
    """(count,): independent ids.

    The hottest rows lie anywhere in a table whose ids are hashed, in each table elsewhere, and come
    first in one whose ids are ``by_frequency``. Padding is where its id says.
    """
    padding = table.padding
    ranked = ranked_rows(table.rows, table.ids, padding)
    pooling = table.pooling * (1 - padding.share) if padding else table.pooling
    rows = table.pattern.distribution(ranked, pooling)
    ends = np.cumsum(rows.counts)
    shares = np.cumsum(rows.counts * rows.probabilities)
    classes = np.searchsorted(shares / shares[-1], random.random(count), side="right")
    classes = np.minimum(classes, len(ends) - 1)
    rank = ends[classes] - rows.counts[classes] * random.random(count)
    ranks = np.clip(rank.astype(np.int64), 0, ranked - 1)
    ids = placed_rows(ranks, table.rows, table.ids, padding, _key(table))
    if padding:
        ids[random.random(count) < padding.share] = padding.id
    return ids


def hottest_ids(table: Table, count: int) -> NDArray[np.int64]:
    """(count,): the ids that are drawn most often, hottest first; of a table without padding."""
    ranks = np.arange(min(count, table.rows))
    return placed_rows(ranks, table.rows, table.ids, None, _key(table))


def _key(table: Table) -> int:
    """By which its rows lie."""
    return zlib.crc32(f"{table.module}/{table.name}".encode())


def draw_lengths(table: Table, samples: int, random: np.random.Generator) -> NDArray[np.int64]:
    """(samples,): ids of each sample; their mean is the pooling as nearly as whole numbers can."""
    whole, rest = divmod(table.pooling, 1)
    more = random.permutation(samples) < round(rest * samples)
    return np.full(samples, int(whole), np.int64) + more
