"""The distinct rows of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch

from shardplan.executor.tensors.runs import run_bounds, runs_of
from shardplan.executor.tensors.sorting import stable_order
from shardplan.executor.tensors.tensor import index_dtype

if TYPE_CHECKING:
    from shardplan.executor.tensors.tensor import Tensor


@dataclass(frozen=True, slots=True)
class DistinctRows:
    """Ids sorted by row; ids of one row keep the order in which the batch has them."""

    rows: Tensor
    """(U,) int64, ascending."""
    bags: Tensor
    """(ids,): the bags that the sorted ids are of."""
    offsets: Tensor
    """(U + 1,): where each row's ids begin in ``bags``."""
    weights: Tensor | None = None
    """(ids,) fp32: those of the sorted ids; None where ids have none."""

    @classmethod
    def of(cls, ids: Tensor, lengths: Tensor, rows: int, weights: Tensor | None = None) -> Self:
        """Ids of a store of that many rows; ``lengths`` are those of the bags, in order."""
        bags = lengths.numel()
        each = torch.arange(bags, device=ids.device, dtype=index_dtype(bags))
        bag_of_id = runs_of(each, lengths.reshape(-1))
        order = stable_order(ids, rows)
        by_row, of_bags = ids.index_select(0, order), bag_of_id.index_select(0, order)
        if weights is not None:
            weights = weights.index_select(0, order)
        offsets = run_bounds(by_row)
        return cls(by_row.index_select(0, offsets[:-1]).long(), of_bags, offsets, weights)

    @property
    def held_bytes(self) -> int:
        """Of its tensors."""
        held = (self.rows, self.bags, self.offsets, self.weights)
        return sum(int(each.nbytes) for each in held if each is not None)

    def counts(self) -> Tensor:
        """(U,): how many ids read each row."""
        return self.offsets.diff()

    def positions(self, ids: Tensor, end: int) -> Tensor:
        """(ids,): of each of the same ids, below ``end``, the place in ``rows``."""
        each = torch.arange(len(self.rows), device=ids.device, dtype=ids.dtype)
        positions = torch.empty_like(ids)
        positions[stable_order(ids, end)] = runs_of(each, self.counts())
        return positions
