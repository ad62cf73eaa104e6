"""The gradients of a batch by row, always summed in one order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from shardplan.executor.tensor import index_dtype

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.executor.bags import Bags
    from shardplan.executor.tensor import Tensor

_CHUNK_NUMBERS = 1 << 18
"""Numbers of gradients at once: what is summed is still in the processor's cache when it is used,
and no buffer is as large as all rows of the batch."""


class RowGradients:
    """Of each distinct row of a batch, the sum of the gradients of the bags that read it.

    A bag per row does the summing: ``embedding_bag`` adds the members of a bag one after the other,
    on CPU in one thread and on CUDA in one thread per column, so that every run adds in the same
    order. An ``index_add_`` would add in whatever order CUDA's atomics arrive.
    """

    def __init__(self, bags: Bags, gradient: Tensor) -> None:
        """``gradient`` is (bags..., columns) fp32: of each bag's sum."""
        self.rows = bags.distinct.rows
        """(U,) int64, ascending."""
        self._gradient, numbers = _as_rows(gradient)
        dtype = index_dtype(max(len(self._gradient), bags.ids.numel()))
        self._bags = numbers.to(dtype).index_select(0, bags.distinct.bags)
        self._offsets = bags.distinct.offsets.to(dtype)

    def chunks(self) -> Iterator[tuple[slice, Tensor]]:
        """Which rows, and their (rows, columns) fp32 sums, a part of all rows at a time."""
        count = len(self.rows)
        step = max(1, _CHUNK_NUMBERS // self._gradient.shape[1])
        firsts = range(0, count, step)
        starts = self._offsets[::step].tolist()
        ends = [*starts[1 : len(firsts)], self._bags.numel()]
        for first, start, end in zip(firsts, starts, ends, strict=False):
            cut = slice(first, min(first + step, count))
            offsets = self._offsets[cut.start : cut.stop + 1] - start
            yield (
                cut,
                functional.embedding_bag(
                    self._bags[start:end],
                    self._gradient,
                    offsets,
                    mode="sum",
                    include_last_offset=True,
                ),
            )

    def squares(self) -> Tensor:
        """(U,) fp32: of each row the sum of squares over the columns."""
        parts = [squares_of(sums) for _, sums in self.chunks()]
        return torch.cat(parts) if parts else self._gradient.new_zeros(0)


def squares_of(sums: Tensor) -> Tensor:
    """(rows,) sums of squares; the norm, squared, since it makes no copy of its argument."""
    return torch.linalg.vector_norm(sums, dim=1).square_()


def _as_rows(blocks: Tensor) -> tuple[Tensor, Tensor]:
    """(rows, columns) of the memory where blocks lie, and the row where each of them is.

    A part of what was received is used where it lies, if it lies at multiples of its columns.
    """
    columns = blocks.shape[-1]
    *strides, last = blocks.stride()
    if last != 1 or any(start % columns for start in (blocks.storage_offset(), *strides)):
        blocks = blocks.clone(memory_format=torch.contiguous_format)
        *strides, _ = blocks.stride()
    held = blocks.untyped_storage().nbytes() // blocks.element_size()
    first = blocks.storage_offset() // columns
    rows = blocks.as_strided((held // columns, columns), (columns, 1), 0)
    numbers = torch.full((1,), first, device=blocks.device)
    for size, stride in zip(blocks.shape[:-1], strides, strict=True):
        steps = torch.arange(size, device=blocks.device) * (stride // columns)
        numbers = (numbers.unsqueeze(1) + steps).view(-1)
    return rows, numbers
