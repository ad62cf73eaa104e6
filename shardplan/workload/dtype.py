"""Number formats of weights and of what goes over the wire."""

from __future__ import annotations

from enum import StrEnum


class Dtype(StrEnum):
    """A number format, by its name in a spec."""

    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"

    @property
    def bytes(self) -> int:
        """Bytes of one element."""
        return 4 if self is Dtype.FP32 else 2

    def sent_as(self, wire: Dtype) -> Dtype:
        """What travels of numbers in this format where ``wire`` is asked for: the narrower one."""
        return wire if wire.bytes < self.bytes else self
