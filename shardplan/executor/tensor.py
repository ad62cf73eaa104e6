"""Names for PyTorch's types, which are typed only where PyTorch is installed."""

from __future__ import annotations

from typing import Any

import torch

Tensor = Any
"""A tensor of PyTorch."""

DTYPES: dict[str, Any] = {
    "fp32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
}
"""Number formats by their name in a plan."""


_MOST_INT32 = 2**31 - 1


def index_dtype(most: int) -> Any:
    """The narrower type that holds numbers up to ``most``: half the bytes, half the time."""
    return torch.int32 if most <= _MOST_INT32 else torch.int64


def offsets_of(lengths: Tensor) -> Tensor:
    """(n + 1,): where each of n runs begins, and where the last ends."""
    offsets = lengths.new_zeros(lengths.numel() + 1)
    torch.cumsum(lengths.reshape(-1), 0, out=offsets[1:])
    return offsets


def runs_of(values: Tensor, lengths: Tensor) -> Tensor:
    """Each value as often as its length says."""
    return torch.repeat_interleave(values, lengths)
