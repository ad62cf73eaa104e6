"""Names for PyTorch's types, which are typed only where PyTorch is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

Tensor = Any
"""A tensor of PyTorch."""

DTYPES: dict[str, Any] = {
    "fp32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
}
"""Number formats by their name in a plan."""

_MOST_INT32 = 2**31 - 1
_MOST_INT64 = 2**63 - 1
_DIGIT_BITS = 16
_FAST_SORT_KEYS = 1 << 15
"""From so many keys on PyTorch sorts them by radix on CPU."""


def index_dtype(most: int) -> Any:
    """The narrower type that holds numbers up to ``most``: half the bytes, half the time."""
    return torch.int32 if most <= _MOST_INT32 else torch.int64


def offsets_of(lengths: Tensor, dtype: Any = torch.int64) -> Tensor:
    """(n + 1,): where each of n runs begins, and where the last ends."""
    offsets = lengths.new_zeros(lengths.numel() + 1, dtype=dtype)
    torch.cumsum(lengths.reshape(-1), 0, dtype=dtype, out=offsets[1:])
    return offsets


def run_bounds(values: Tensor) -> Tensor:
    """(runs + 1,) int64: where each run of equal neighbours begins, and where the last ends."""
    count = values.numel()
    if values.device.type == "cpu":  # NumPy takes a quarter of the time.
        each, is_bound = values.numpy(), np.ones(count + 1, dtype=bool)
        np.not_equal(each[1:], each[:-1], out=is_bound[1:count])
        return torch.from_numpy(np.flatnonzero(is_bound))
    is_bound = torch.ones(count + 1, dtype=torch.bool, device=values.device)
    is_bound[1:count] = values[1:] != values[:-1]
    return is_bound.nonzero().view(-1)


def negative_or_most(values: Tensor, lengths: Sequence[int]) -> Tensor:
    """(runs,): of each run of int64 numbers a negative one, or if there is none the largest.

    No run is empty, and together they are all the numbers.
    """
    if values.device.type == "cpu":  # As unsigned numbers, negative ones are the largest.
        firsts = np.cumsum([0, *lengths[:-1]])
        most = np.maximum.reduceat(values.numpy().view(np.uint64), firsts)
        return torch.from_numpy(most.view(np.int64))
    ends = torch.stack([end for run in values.split(list(lengths)) for end in run.aminmax()])
    least, most = ends.view(-1, 2).unbind(1)
    return torch.where(least < 0, least, most)


def runs_of(values: Tensor, lengths: Tensor) -> Tensor:
    """Each value as often as its length says."""
    if values.device.type == "cpu":  # NumPy takes half the time.
        return torch.from_numpy(np.repeat(values.numpy(), lengths.numpy()))
    return torch.repeat_interleave(values, lengths)


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
