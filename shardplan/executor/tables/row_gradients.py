"""The gradients of a batch by row, always summed in one order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from shardplan.executor.kernels.row_members import RowMembers
from shardplan.executor.tensors.runs import runs_of
from shardplan.executor.tensors.tensor import index_dtype

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from shardplan.executor.batch.bags import Bags
    from shardplan.executor.kernels.compiled_rows import CompiledRows
    from shardplan.executor.tensors.tensor import Tensor

_CHUNK_NUMBERS = 1 << 19
"""Numbers of gradients at once: what is summed is still in the processor's cache when it is used,
and no buffer is as large as all rows of the batch."""


class RowGradients:
    """Of each distinct row of a batch, the sum of the gradients of the bags that read it.

    Each times the weight of the id, where ids have weights.

    A bag per row does the summing: ``embedding_bag`` adds the members of a bag one after the other,
    on CPU in one thread and on CUDA in one thread per column, so that every run adds in the same
    order. An ``index_add_`` would add in whatever order CUDA's atomics arrive. Compiled loops add
    in that order too.
    """

    def __init__(
        self, bags: Bags, gradients: Sequence[Tensor], compiled: CompiledRows | None = None
    ) -> None:
        """``gradients`` are of each bag's sum, one part of the bags after the other.

        Each is (bags..., columns) fp32, and they are parts of one tensor. ``compiled`` loops sum
        them, where they are given and can.
        """
        self.rows = bags.distinct.rows
        """(U,) int64, ascending."""
        gradient, numbers = _as_rows(gradients)
        order, weights = bags.distinct.order, bags.weights
        dtype = index_dtype(max(len(gradient), bags.ids.numel()))
        self._compiled = compiled if dtype == torch.int32 else None
        if self._compiled is not None:
            of_ids = self._compiled.numbers(numbers, bags.lengths.reshape(-1), order)
        else:
            of_ids = runs_of(numbers.to(dtype), bags.lengths.reshape(-1)).index_select(0, order)
        factors = None if weights is None else weights.index_select(0, order)
        self.members = RowMembers(gradient, of_ids, bags.distinct.offsets, factors)

    def chunks(self) -> Iterator[tuple[slice, Tensor]]:
        """Which rows, and their (rows, columns) fp32 sums, a part of all rows at a time."""
        step = rows_at_once(self.members.gradients.shape[1])
        for first in range(0, len(self.rows), step):
            cut = slice(first, min(first + step, len(self.rows)))
            if self._compiled is None:
                yield cut, _sums(self.members, cut)
            else:
                yield cut, self._compiled.sums(self.members, cut.start, cut.stop)

    def fill(self, sums: Tensor) -> None:
        """Fill (U, columns) with the sums of all rows."""
        if self._compiled is not None:
            self._compiled.sums(self.members, 0, len(self.rows), sums)
            return
        for cut, of_rows in self.chunks():
            sums[cut] = of_rows

    def spread(self, rows: Tensor, is_read: Tensor) -> None:
        """Go on as the sums of more rows, which are zeros where a row is not read.

        ``rows`` (V,) int64 ascend, and ``is_read`` (V,) says which of them are the rows so far.
        """
        before = torch.zeros(len(rows) + 1, dtype=torch.int64, device=rows.device)
        torch.cumsum(is_read, 0, out=before[1:])
        self.rows = rows
        offsets = self.members.offsets.index_select(0, before)
        self.members = replace(self.members, offsets=offsets)

    def squares(self) -> Tensor:
        """(U,) fp32: of each row the sum of squares over the columns."""
        parts = [squares_of(sums, self._compiled) for _, sums in self.chunks()]
        return torch.cat(parts) if parts else self.members.gradients.new_zeros(0)


def rows_at_once(columns: int) -> int:
    """How many rows of gradients are worked on at a time."""
    return max(1, _CHUNK_NUMBERS // columns)


def squares_of(sums: Tensor, compiled: CompiledRows | None = None) -> Tensor:
    """(rows,) sums of squares; the norm, squared, since it makes no copy of its argument."""
    if compiled is not None:
        return compiled.squares(sums)
    return torch.linalg.vector_norm(sums, dim=1).square_()


def _sums(of_rows: RowMembers, cut: slice) -> Tensor:
    numbers, factors = of_rows.numbers, of_rows.factors
    offsets = of_rows.offsets[cut.start : cut.stop + 1].to(numbers.dtype)
    ids = slice(*offsets[[0, -1]].tolist())
    return functional.embedding_bag(
        numbers[ids],
        of_rows.gradients,
        offsets - ids.start,
        mode="sum",
        per_sample_weights=None if factors is None else factors[ids],
        include_last_offset=True,
    )


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
