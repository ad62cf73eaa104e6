"""Gradients of rows that are summed already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from shardplan.executor.kernels.row_members import RowMembers
from shardplan.executor.tables.row_gradients import rows_at_once

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.executor.tensors.tensor import Tensor


@dataclass(frozen=True, slots=True)
class SummedRows:
    """The rows of a group of tables that any rank read."""

    rows: Tensor
    """(U,) int64, ascending; the same on every rank."""
    sums: Tensor
    """(U, columns) fp32: their gradients, summed over all ranks."""
    scale: float = 1.0
    """By what the sums are multiplied."""

    @property
    def members(self) -> RowMembers:
        """Each row's sum by itself."""
        ends = torch.arange(len(self.rows) + 1, device=self.rows.device)
        return RowMembers(self.sums, ends[:-1].to(torch.int32), ends, None, self.scale)

    def chunks(self) -> Iterator[tuple[slice, Tensor]]:
        """Which rows, and their (rows, columns) sums, a part at a time; these are used up."""
        step = rows_at_once(self.sums.shape[1])
        for first in range(0, len(self.rows), step):
            cut = slice(first, first + step)
            yield cut, self.sums[cut].mul_(self.scale)
