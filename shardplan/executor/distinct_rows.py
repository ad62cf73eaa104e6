"""The distinct rows of a batch, and what the batch says of each, always summed in one order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch
from torch.nn import functional

from shardplan.executor.tensor import offsets_of, runs_of

if TYPE_CHECKING:
    from shardplan.executor.tensor import Tensor


@dataclass(frozen=True, slots=True)
class DistinctRows:
    """Ids sorted by row; ids of one row keep the order in which the batch has them."""

    rows: Tensor
    """(U,) int64, ascending."""
    order: Tensor
    """(ids,): the sorted ids' positions in the batch."""
    offsets: Tensor
    """(U + 1,): where each row's ids begin in ``order``."""

    @classmethod
    def of(cls, ids: Tensor) -> Self:
        """Sort the ids of a batch; the sort is stable."""
        by_row, order = torch.sort(ids, stable=True)
        rows, counts = torch.unique_consecutive(by_row, return_counts=True)
        return cls(rows, order, offsets_of(counts))

    def positions(self) -> Tensor:
        """(ids,): of each id of the batch, the position of its row in ``rows``."""
        counts = self.offsets.diff()
        each = torch.arange(len(counts), device=self.order.device)
        positions = torch.empty_like(self.order)
        positions[self.order] = runs_of(each, counts)
        return positions

    def sum_gradients(self, lengths: Tensor, gradient: Tensor) -> Tensor:
        """(U, columns): for each row the gradients of the bags that read it, summed in order.

        ``gradient`` is (bags, columns) fp32 and ``lengths`` the ids of each bag. A bag per row does
        the summing: ``embedding_bag`` adds the members of a bag one after the other, on CPU in one
        thread and on CUDA in one thread per column, so that every run adds in the same order. An
        ``index_add_`` would add in whatever order CUDA's atomics arrive.
        """
        if not len(self.rows):
            return gradient.new_zeros((0, gradient.shape[1]))
        bags = torch.arange(lengths.numel(), device=gradient.device)
        bag_of_id = runs_of(bags, lengths.reshape(-1))
        return functional.embedding_bag(
            bag_of_id[self.order], gradient, self.offsets, mode="sum", include_last_offset=True
        )
