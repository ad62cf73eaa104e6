"""Ids to be looked up in one store."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch

from shardplan.executor.batch.distinct_rows import DistinctRows
from shardplan.executor.tensors.runs import offsets_of
from shardplan.executor.tensors.tensor import index_dtype

if TYPE_CHECKING:
    from shardplan.executor.tensors.tensor import Tensor


@dataclass
class Bags:
    """Ids of some slots and samples."""

    ids: Tensor
    """(ids,) int32 or int64: rows of the store that is read."""
    lengths: Tensor
    """(bags...) int64: ids of each bag, in the order of the ids; pooled ones are (ranks, slots,
    samples)."""
    rows: int
    """Of the store."""
    weights: Tensor | None = None
    """(ids,) fp32: by what each id's row is multiplied; None: by one."""
    staged: Tensor = None
    """Where a cache holds the rows; None while they are not staged."""

    @cached_property
    def distinct(self) -> DistinctRows:
        """The rows that are read; sorted once, for the cache, the lookup and the update."""
        return DistinctRows.of(self.ids, self.rows)

    def without_empty(self) -> Bags:
        """The same ids in the bags that have any, one behind the other."""
        return Bags(self.ids, self.lengths[self.lengths > 0], self.rows, self.weights)

    def apart(self) -> Bags:
        """The same ids, each in a bag of its own."""
        each = torch.ones(len(self.ids), dtype=torch.int64, device=self.ids.device)
        return Bags(self.ids, each, self.rows)

    def offsets(self) -> Tensor:
        """(bags + 1,): where each bag begins in ``ids``, and where the last ends."""
        return offsets_of(self.lengths, index_dtype(self.ids.numel()))

    def positions(self) -> Tensor:
        """(ids,): of each id, the position of its row among the distinct ones."""
        return self.distinct.positions()
