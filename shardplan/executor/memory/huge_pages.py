"""Host memory for rows that are read anywhere: in huge pages, where the system has them."""

from __future__ import annotations

import mmap
from math import prod
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.executor.tensors.tensor import Tensor

_PAGE_BYTES = 2 << 20


def zeros_on_host(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """A tensor of zeros. Raises RuntimeError or OSError where there is no room for it.

    Rows lie in pages of 4 KiB otherwise, and finding the page of a row takes as long as reading it:
    adding to rows of 512 bytes takes a quarter less time. ``torch.zeros`` where the system has no
    huge pages, or a tensor does not fill one.
    """
    size = prod(shape) * dtype.itemsize
    if size < _PAGE_BYTES or not hasattr(mmap, "MADV_HUGEPAGE"):
        return torch.zeros(tuple(shape), dtype=dtype)
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS  # Only private memory gets huge pages.
    memory = mmap.mmap(-1, size + _PAGE_BYTES, flags=flags)
    try:
        memory.madvise(mmap.MADV_HUGEPAGE)
    except OSError:
        return torch.zeros(tuple(shape), dtype=dtype)
    whole = torch.frombuffer(memory, dtype=torch.uint8)
    first = -whole.data_ptr() % _PAGE_BYTES
    return whole[first : first + size].view(dtype).view(tuple(shape))
