"""Names for PyTorch's types and number formats."""

from __future__ import annotations

import torch

from shardplan.workload.dtype import Dtype

Tensor = torch.Tensor
Device = torch.device | str
"""A device, or its name."""

DTYPES: dict[Dtype, torch.dtype] = {
    Dtype.FP32: torch.float32,
    Dtype.FP16: torch.float16,
    Dtype.BF16: torch.bfloat16,
}
"""Number formats by their name in a plan."""

_MOST_INT32 = 2**31 - 1


def index_dtype(most: int) -> torch.dtype:
    """The narrower type that holds numbers up to ``most``: half the bytes, half the time."""
    return torch.int32 if most <= _MOST_INT32 else torch.int64
