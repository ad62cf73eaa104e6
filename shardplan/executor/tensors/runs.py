"""Runs of values: where each begins, and what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.executor.tensors.tensor import Tensor


def offsets_of(lengths: Tensor, dtype: torch.dtype = torch.int64) -> Tensor:
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


def runs_of(values: Tensor, lengths: Tensor) -> Tensor:
    """Each value as often as its length says."""
    if values.device.type == "cpu":  # NumPy takes half the time.
        return torch.from_numpy(np.repeat(values.numpy(), lengths.numpy()))
    return torch.repeat_interleave(values, lengths)


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
