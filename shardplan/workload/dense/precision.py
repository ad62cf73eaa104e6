"""What the dense part computes in."""

from __future__ import annotations

from enum import StrEnum


class Precision(StrEnum):
    """Of products and of what they read and write."""

    BF16 = "bf16"
    FP16 = "fp16"
    TF32 = "tf32"
    """fp32 in memory, rounded to 10 bits of mantissa by the multiplier."""
    FP32 = "fp32"

    @property
    def is_half(self) -> bool:
        """Two bytes an element, and as quick as bf16; a copy of the weights is kept in fp32."""
        return self in (Precision.BF16, Precision.FP16)

    @property
    def bytes(self) -> int:
        """Of one element in memory."""
        return 2 if self.is_half else 4
