"""Ids to be looked up in one store."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch

from shardplan.executor.distinct_rows import DistinctRows
from shardplan.executor.tensor import SHORT, stable_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.executor.tensor import Tensor


@dataclass
class Bags:
    """Ids of some slots and samples."""

    ids: Tensor
    """(ids,) int64: rows of the store that is read."""
    lengths: Tensor
    """(ranks, slots, samples) int64: ids of each bag, in the order of the ids."""
    rows: int
    """Of the store."""
    shards: Sequence[tuple[int, int]] = ()
    """Of each shard in the store, if there are several, the first row and the number of slots."""
    staged: Tensor = None
    """Where a cache holds the rows; None while they are not staged."""

    @cached_property
    def distinct(self) -> DistinctRows:
        """The rows that are read; sorted once, for the cache, the lookup and the update."""
        return DistinctRows.of(self.ids, self.order())

    def order(self) -> Tensor:
        """(ids,) int64 positions of the ids in the order of rows, those of one row as they came."""
        # Shard by shard the rows are fewer: short numbers are sorted in less time.
        if len(self.shards) < 2 or self.rows <= SHORT or self.ids.device.type != "cpu":
            return stable_order(self.ids, self.rows)
        ranks, slots, _ = self.lengths.shape
        sizes = self.lengths.sum(2).view(-1).tolist()
        ids = self.ids.split(sizes)
        positions = torch.arange(self.ids.numel()).split(sizes)
        ends = [*(base for base, _ in self.shards[1:]), self.rows]
        order, first = [], 0
        for (base, count), end in zip(self.shards, ends, strict=True):
            mine = [r * slots + s for r in range(ranks) for s in range(first, first + count)]
            rows = torch.cat([ids[piece] for piece in mine]) - base
            places = torch.cat([positions[piece] for piece in mine])
            order.append(places.index_select(0, stable_order(rows, end - base)))
            first += count
        return torch.cat(order)
