"""The distinct rows of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch

from shardplan.executor.kernels.compiled_rows import compiled_rows
from shardplan.executor.tensors.runs import run_bounds, runs_of
from shardplan.executor.tensors.sorting import stable_sort
from shardplan.executor.tensors.tensor import index_dtype

if TYPE_CHECKING:
    from shardplan.executor.tensors.tensor import Tensor


@dataclass(frozen=True, slots=True)
class DistinctRows:
    """Ids sorted by row; ids of one row keep the order in which the batch has them."""

    rows: Tensor
    """(U,) int64, ascending."""
    order: Tensor
    """(ids,): where the sorted ids stand in the batch."""
    offsets: Tensor
    """(U + 1,) int64: where each row's ids begin in ``order``, and where the last's end."""

    @classmethod
    def of(cls, ids: Tensor, rows: int) -> Self:
        """Ids of a store of that many rows."""
        compiled = compiled_rows()
        if compiled is not None and compiled.sorts(ids, rows):
            return cls(*compiled.sort(ids, rows))
        by_row, order = stable_sort(ids, rows)
        offsets = run_bounds(by_row)
        return cls(
            by_row.index_select(0, offsets[:-1]).long(),
            order.to(index_dtype(ids.numel())),
            offsets,
        )

    @property
    def held_bytes(self) -> int:
        """Of its tensors."""
        return sum(int(each.nbytes) for each in (self.rows, self.order, self.offsets))

    def counts(self) -> Tensor:
        """(U,): how many ids read each row."""
        return self.offsets.diff()

    def positions(self) -> Tensor:
        """(ids,): of each id of the batch, the place of its row in ``rows``."""
        each = torch.arange(len(self.rows), device=self.rows.device, dtype=self.order.dtype)
        positions = torch.empty_like(self.order)
        positions[self.order] = runs_of(each, self.counts())
        return positions
