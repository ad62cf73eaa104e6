"""Sorting whole numbers, by whatever is fastest where they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from shardplan.executor.tensors.tensor import index_dtype

if TYPE_CHECKING:
    from shardplan.executor.tensors.tensor import Tensor

_MOST_INT64 = 2**63 - 1
_DIGIT_BITS = 16
_FAST_SORT_KEYS = 1 << 15
"""From this many keys on PyTorch sorts them by radix on CPU."""


def stable_order(keys: Tensor, end: int) -> Tensor:
    """(n,) int64 positions of n numbers from 0 up to ``end``, ascending, equal ones in order.

    NumPy sorts two bytes by radix, in half the time that PyTorch takes for four, and in a tenth
    where PyTorch compares keys because they are few.
    """
    is_short = end <= 1 << _DIGIT_BITS or keys.numel() < _FAST_SORT_KEYS
    if keys.device.type != "cpu" or not is_short:
        return torch.sort(keys.to(index_dtype(end)), stable=True).indices
    whole = keys.numpy()
    order = np.argsort(whole.astype(np.uint16), kind="stable")
    for shift in range(_DIGIT_BITS, (end - 1).bit_length(), _DIGIT_BITS):
        digit = (whole >> shift).astype(np.uint16)
        order = order[np.argsort(digit[order], kind="stable")]
    return torch.from_numpy(order)


def sorted_pairs(
    rows: Tensor, numbers: Tensor, row_end: int, number_end: int
) -> tuple[Tensor, Tensor]:
    """Pairs in the order of rows, and of one row in the order of numbers, which ascend.

    Rows are from 0 up to ``row_end``, numbers up to ``number_end``. NumPy sorts whole numbers by
    vector instructions, in less time than anything takes to find their order: so both are sorted
    as one.
    """
    bits = max(1, number_end - 1).bit_length()
    most = max(1, row_end) << bits
    if rows.device.type != "cpu" or most > _MOST_INT64:
        order = stable_order(rows, row_end)
        return rows.index_select(0, order), numbers.index_select(0, order)
    unsigned, signed = (np.uint32, np.int32) if most <= 1 << 32 else (np.uint64, np.int64)
    both = rows.numpy().astype(unsigned)
    both <<= bits
    both |= numbers.numpy().view(f"u{numbers.element_size()}")
    both.sort()
    sorted_rows = both >> bits
    both &= (1 << bits) - 1
    return torch.from_numpy(sorted_rows.view(signed)), torch.from_numpy(both.view(signed))
