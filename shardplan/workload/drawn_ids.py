"""Ids that hit the rows of a table as its access pattern says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.workload.table import Table

_SCATTER = 2_654_435_761
"""A prime by which ranks are spread over the rows: Knuth's multiplicative hash."""


def draw_ids(table: Table, count: int, random: np.random.Generator) -> NDArray[np.int64]:
    """(count,): independent ids; the hottest rows lie anywhere in the table, not side by side."""
    rows = table.access.distribution(table.rows, table.pooling)
    ends = np.cumsum(rows.counts)
    shares = np.cumsum(rows.counts * rows.probabilities)
    classes = np.searchsorted(shares / shares[-1], random.random(count), side="right")
    classes = np.minimum(classes, len(ends) - 1)
    rank = ends[classes] - rows.counts[classes] * random.random(count)
    ids: NDArray[np.int64] = np.clip(rank.astype(np.int64), 0, table.rows - 1)
    return ids * _SCATTER % table.rows


def draw_lengths(table: Table, samples: int, random: np.random.Generator) -> NDArray[np.int64]:
    """(samples,): ids of each sample; their mean is the pooling as nearly as whole numbers can."""
    whole, rest = divmod(table.pooling, 1)
    more = random.permutation(samples) < round(rest * samples)
    return np.full(samples, int(whole), np.int64) + more
