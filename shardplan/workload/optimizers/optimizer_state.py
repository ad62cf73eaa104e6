"""What an optimizer keeps beside the rows of embedding tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from shardplan.workload.dtype import Dtype

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Columns = TypeVar("Columns", int, "NDArray[np.int64]")


@dataclass(frozen=True, slots=True)
class StateTensor:
    """One kind of number; fp32 whatever the weights are, unless a job chooses otherwise."""

    name: str
    """FBGEMM's."""
    is_per_row: bool
    """One number for each row of each column shard; else one for each weight."""
    dtype: Dtype = Dtype.FP32
    is_touched: bool = True
    """Whether each update of a row reads and writes it; else it is visited once in many steps."""


@dataclass(frozen=True, slots=True)
class OptimizerState:
    """Of one table after another, all trained alike."""

    tensors: tuple[StateTensor, ...] = ()
    ssd_tensors: tuple[StateTensor, ...] = ()
    """What there is besides for rows on SSD."""
    weight_reads: int = 1
    """How often an update reads a row's weights before it writes them."""

    @property
    def bytes_per_row(self) -> int:
        """Of each row of each column shard, however wide."""
        return sum(each.dtype.bytes for each in self.tensors if each.is_per_row)

    @property
    def ssd_bytes_per_row(self) -> int:
        """Besides, of each row of each shard on SSD."""
        return sum(each.dtype.bytes for each in self.ssd_tensors)

    @property
    def bytes_per_weight(self) -> int:
        """Of each weight."""
        return sum(each.dtype.bytes for each in self.tensors if not each.is_per_row)

    def row_bytes(self, columns: Columns) -> Columns:
        """All of it, of one row of a shard ``columns`` wide."""
        return columns * self.bytes_per_weight + self.bytes_per_row

    @property
    def touched(self) -> OptimizerState:
        """What each update of a row reads and writes."""
        tensors = tuple(each for each in self.tensors if each.is_touched)
        return OptimizerState(tensors, self.ssd_tensors, self.weight_reads)
