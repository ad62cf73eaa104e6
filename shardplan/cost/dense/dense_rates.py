"""What a profile knows of the dense part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.workload.dense.precision import Precision

if TYPE_CHECKING:
    from shardplan.cost.dense.gemm import Gemm
    from shardplan.workload.dense.operation import Shape

_HALF_BYTES = 2
"""Of an element of the products that were measured."""


@dataclass(frozen=True)
class DenseRates:
    """Products, and the rate of everything that only moves elements."""

    gemm: Gemm
    tf32: float | None
    """Of products in tf32, over that of bf16; None where it is not known."""
    fp32: float | None
    elementwise_bytes_per_second: float

    def knows(self, precision: Precision) -> bool:
        """Whether products in it can be predicted."""
        return precision.is_half or self._rate(precision) is not None

    def product_seconds(self, shape: Shape, precision: Precision) -> float:
        """Of one product.

        In four bytes it moves twice as much as in two, whatever it waits for, and computes at a
        fraction of the rate: it takes as long as the slower of the two.
        """
        seconds = self.gemm.seconds(shape)
        if precision.is_half:
            return seconds
        rate, start = self._rate(precision), self.gemm.start_seconds
        assert rate is not None, "a case knows the rates of its precision"
        moving = start + max(seconds - start, 0.0) * precision.bytes / _HALF_BYTES
        return max(moving, start + shape.flop / (rate * self.gemm.flop_per_second))

    def moving_seconds(self, elements: float, precision: Precision) -> float:
        """To read or write that many elements."""
        return elements * precision.bytes / self.elementwise_bytes_per_second

    def _rate(self, precision: Precision) -> float | None:
        return self.tf32 if precision is Precision.TF32 else self.fp32
