"""Linear layers one behind another."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

from shardplan.workload.dense.layer import DenseLayer
from shardplan.workload.dense.operation import linear

if TYPE_CHECKING:
    from shardplan.workload.dense.operation import Operation


@dataclass(frozen=True)
class Mlp(DenseLayer):
    """A linear layer with bias and activation between each two widths: ``[13, 512, 128]``."""

    keyword: ClassVar[str] = "mlp"
    is_list: ClassVar[bool] = True
    may_take_samples: ClassVar[bool] = True

    widths: tuple[int, ...]

    @property
    def operations(self) -> tuple[Operation, ...]:
        """One for each linear layer."""
        return tuple(linear(width, to) for width, to in pairwise(self.widths))

    @property
    def input_width(self) -> int:
        """Of its first layer."""
        return self.widths[0]
