"""A tensor in a checkpoint: the rectangles of it that one rank holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from shardplan.executor.tensors.tensor import Tensor

Extent = tuple[int, ...]
"""Offsets or sizes, by dimension."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A rectangle of a tensor, and its numbers on this rank."""

    offsets: Extent
    values: Tensor
    is_copy: bool = False
    """Whether another chunk, here or on another rank, has the same: it is read, but not written."""

    @property
    def sizes(self) -> Extent:
        """Of the rectangle."""
        return tuple(self.values.shape)


@dataclass(frozen=True, slots=True)
class HeldTensor:
    """What a rank holds of a tensor: of a table's weights, of its optimizer's state, or a whole."""

    shape: Extent
    """Of the whole tensor."""
    dtype: torch.dtype
    chunks: tuple[Chunk, ...]


def whole(tensor: Tensor, is_copy: bool = False) -> HeldTensor:
    """A tensor that this rank holds all of."""
    chunk = Chunk((0,) * tensor.dim(), tensor, is_copy)
    return HeldTensor(chunk.sizes, tensor.dtype, (chunk,))


@dataclass(frozen=True, slots=True)
class Overlap:
    """What two rectangles share."""

    offsets: Extent
    """In the whole tensor."""
    sizes: Extent

    def within(self, offsets: Extent) -> tuple[slice, ...]:
        """Where it lies in a rectangle that begins at ``offsets``."""
        return tuple(
            slice(at - base, at - base + size)
            for at, base, size in zip(self.offsets, offsets, self.sizes, strict=True)
        )


def overlap(one: tuple[Extent, Extent], other: tuple[Extent, Extent]) -> Overlap | None:
    """What two rectangles share, each given by offsets and sizes; None where it is nothing."""
    offsets = tuple(map(max, one[0], other[0]))
    ends = [
        min(a + m, b + n) for a, m, b, n in zip(one[0], one[1], other[0], other[1], strict=True)
    ]
    sizes = tuple(end - at for at, end in zip(offsets, ends, strict=True))
    return Overlap(offsets, sizes) if all(size > 0 for size in sizes) else None
