"""The cross layers of DCNv2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from shardplan.workload.dense.layer import DenseLayer
from shardplan.workload.dense.moved import Moved
from shardplan.workload.dense.operation import linear

if TYPE_CHECKING:
    from shardplan.workload.dense.operation import Operation


@dataclass(frozen=True)
class Cross(DenseLayer):
    """``x0 * (W x + b) + x``, ``layers`` times; with a ``rank`` W is a product of two matrices.

    Wang et al. 2021, arXiv 2008.13535.
    """

    keyword: ClassVar[str] = "cross"

    width: int
    layers: int
    rank: int | None = None

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Of each layer one product, or two; then x0 times it plus x, over vectors of the width.

        In one pass three vectors are read and one is written, backward four and four. A product
        and a sum by themselves move three each; backward so do two products and the sums of both
        gradients, and the bias's reads one.
        """
        width, narrow = self.width, self.rank or self.width
        forward = Moved(4 * width, fused=5 * width, separate=6 * width)
        backward = Moved(8 * width, fused=10 * width, separate=(4 * 3 + 1) * width)
        last = linear(narrow, width, forward, backward)
        if self.rank is None:
            return (last,) * self.layers
        # Of this product nothing is biased or activated.
        first = linear(width, narrow, Moved(fused=narrow), Moved(fused=2 * narrow))
        return (first, last) * self.layers

    @property
    def input_width(self) -> int:
        """Of x."""
        return self.width

    @property
    def output_width(self) -> int:
        """Of x, all that goes on."""
        return self.width
