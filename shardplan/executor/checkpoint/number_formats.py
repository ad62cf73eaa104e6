"""What safetensors calls PyTorch's number formats."""

from __future__ import annotations

import torch

NUMBER_FORMATS: dict[torch.dtype, str] = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
NUMBER_BYTES = {name: dtype.itemsize for dtype, name in NUMBER_FORMATS.items()}
"""Of one number."""
DTYPE_OF = {name: dtype for dtype, name in NUMBER_FORMATS.items()}
