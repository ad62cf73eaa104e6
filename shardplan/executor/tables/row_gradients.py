"""The gradients of a batch by row, always summed in one order."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from shardplan.executor.tensors.runs import runs_of
from shardplan.executor.tensors.tensor import index_dtype

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from shardplan.executor.batch.bags import Bags
    from shardplan.executor.tensors.tensor import Tensor

_CHUNK_NUMBERS = 1 << 19
"""Numbers of gradients at once: what is summed is still in the processor's cache when it is used,
and no buffer is as large as all rows of the batch."""


class RowGradients:
    """Of each distinct row of a batch, the sum of the gradients of the bags that read it.

    Each times the weight of the id, where ids have weights.

    A bag per row does the summing: ``embedding_bag`` adds the members of a bag one after the other,
    on CPU in one thread and on CUDA in one thread per column, so that every run adds in the same
    order. An ``index_add_`` would add in whatever order CUDA's atomics arrive.
    """

    def __init__(self, bags: Bags, gradients: Sequence[Tensor]) -> None:
        """``gradients`` are of each bag's sum, one part of the bags after the other.

        Each is (bags..., columns) fp32, and they are parts of one tensor.
        """
        self.rows = bags.distinct.rows
        """(U,) int64, ascending."""
        self._gradient, numbers = _as_rows(gradients)
        dtype = index_dtype(max(len(self._gradient), bags.ids.numel()))
        of_ids = runs_of(numbers.to(dtype), bags.lengths.reshape(-1))
        order, weights = bags.distinct.order, bags.weights
        self._bags = of_ids.index_select(0, order)
        self._weights = None if weights is None else weights.index_select(0, order)
        self._offsets = bags.distinct.offsets.to(dtype)

    def chunks(self) -> Iterator[tuple[slice, Tensor]]:
        """Which rows, and their (rows, columns) fp32 sums, a part of all rows at a time."""
        weights, step = self._weights, rows_at_once(self._gradient.shape[1])
        firsts = range(0, len(self.rows), step)
        bounds = [*self._offsets[:-1:step].tolist(), self._bags.numel()]
        for first, (start, end) in zip(firsts, pairwise(bounds), strict=True):
            cut = slice(first, min(first + step, len(self.rows)))
            yield (
                cut,
                functional.embedding_bag(
                    self._bags[start:end],
                    self._gradient,
                    self._offsets[cut.start : cut.stop + 1] - start,
                    mode="sum",
                    per_sample_weights=None if weights is None else weights[start:end],
                    include_last_offset=True,
                ),
            )

    def spread(self, rows: Tensor, is_read: Tensor) -> None:
        """Go on as the sums of more rows, which are zeros where a row is not read.

        ``rows`` (V,) int64 ascend, and ``is_read`` (V,) says which of them are the rows so far.
        """
        before = torch.zeros(len(rows) + 1, dtype=torch.int64, device=rows.device)
        torch.cumsum(is_read, 0, out=before[1:])
        self.rows, self._offsets = rows, self._offsets.index_select(0, before)

    def squares(self) -> Tensor:
        """(U,) fp32: of each row the sum of squares over the columns."""
        parts = [squares_of(sums) for _, sums in self.chunks()]
        return torch.cat(parts) if parts else self._gradient.new_zeros(0)


def rows_at_once(columns: int) -> int:
    """How many rows of gradients are worked on at a time."""
    return max(1, _CHUNK_NUMBERS // columns)


def squares_of(sums: Tensor) -> Tensor:
    """(rows,) sums of squares; the norm, squared, since it makes no copy of its argument."""
    return torch.linalg.vector_norm(sums, dim=1).square_()


def _as_rows(blocks: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """(rows, columns) of the memory where blocks lie, and the row where each of theirs is.

    Parts of what was received, or of an output, are used where they lie, if they lie at multiples
    of their columns.
    """
    columns = blocks[0].shape[-1]
    if not all(_lies_in_rows(block) for block in blocks):
        whole = torch.cat([block.reshape(-1, columns) for block in blocks])
        return whole, torch.arange(len(whole), device=whole.device)
    held = blocks[0].untyped_storage().nbytes() // blocks[0].element_size()
    rows = blocks[0].as_strided((held // columns, columns), (columns, 1), 0)
    numbers = np.concatenate([_row_numbers(block) for block in blocks])
    return rows, torch.from_numpy(numbers).to(rows.device)


def _lies_in_rows(block: Tensor) -> bool:
    *strides, last = block.stride()
    columns = block.shape[-1]
    return last == 1 and not any(at % columns for at in (block.storage_offset(), *strides))


def _row_numbers(block: Tensor) -> NDArray[np.int64]:
    columns = block.shape[-1]
    numbers = np.array([block.storage_offset() // columns])
    for size, stride in zip(block.shape[:-1], block.stride(), strict=False):
        numbers = np.add.outer(numbers, np.arange(size) * (stride // columns)).ravel()
    return numbers
