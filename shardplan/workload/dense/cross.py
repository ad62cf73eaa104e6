"""The cross layers of DCNv2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from shardplan.workload.dense.layer import DenseLayer
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
        """Of each layer one product, or two; then x0 times it plus x, over vectors of the width."""
        width, narrow = self.width, self.rank or self.width
        last = linear(narrow, width, moved_forward=4 * width, moved_backward=8 * width)
        each = (last,) if self.rank is None else (linear(width, narrow), last)
        return each * self.layers

    @property
    def input_width(self) -> int:
        """Of x."""
        return self.width

    @property
    def output_width(self) -> int:
        """Of x, all that goes on."""
        return self.width
