"""The distinct rows of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch

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
    def of(cls, ids: Tensor, order: Tensor) -> Self:
        """The ids of a batch, by a stable order of theirs."""
        by_row = ids.index_select(0, order)
        found, counts = torch.unique_consecutive(by_row, return_counts=True)
        return cls(found, order, offsets_of(counts))

    @property
    def held_bytes(self) -> int:
        """Of the three tensors."""
        numbers = self.rows.numel() + self.order.numel() + self.offsets.numel()
        return 8 * int(numbers)

    def counts(self) -> Tensor:
        """(U,): how many ids read each row."""
        return self.offsets.diff()

    def positions(self) -> Tensor:
        """(ids,): of each id of the batch, the position of its row in ``rows``."""
        each = torch.arange(len(self.rows), device=self.order.device)
        positions = torch.empty_like(self.order)
        positions[self.order] = runs_of(each, self.counts())
        return positions
