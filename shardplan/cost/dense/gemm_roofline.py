"""Products of a device that nobody has measured."""

from __future__ import annotations

from dataclasses import dataclass

from shardplan.cost.dense.gemm import Gemm
from shardplan.workload.dense.operation import Shape

_ELEMENT_BYTES = 2
_LEAST = Shape(1, 1, 1)


@dataclass(frozen=True)
class GemmRoofline(Gemm):
    """``t0 + max(2 m n k / peak, 2 (m k + k n + m n) / memory)``: a roofline of bf16 products."""

    t0_seconds: float
    attained_flop_per_second: float
    attained_bytes_per_second: float

    def seconds(self, shape: Shape) -> float:
        """Of one product."""
        computing = shape.flop / self.attained_flop_per_second
        return self.t0_seconds + max(computing, self.moving_seconds(shape))

    def moving_seconds(self, shape: Shape) -> float:
        """To read both matrices and to write their product."""
        m, n, k = shape.m, shape.n, shape.k
        return _ELEMENT_BYTES * (m * k + k * n + m * n) / self.attained_bytes_per_second

    @property
    def start_seconds(self) -> float:
        """Of the smallest product."""
        return self.seconds(_LEAST)

    @property
    def flop_per_second(self) -> float:
        """Of products that are neither small nor narrow."""
        return self.attained_flop_per_second
