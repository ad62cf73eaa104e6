"""Vectors of several layers and tables side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shardplan.workload.dense.layer import DenseLayer
from shardplan.workload.dense.moved import Moved
from shardplan.workload.dense.operation import Operation


@dataclass(frozen=True)
class Concat(DenseLayer):
    """Copies, such as of the bottom MLP's output and all pooled embeddings: reads and writes."""

    keyword: ClassVar[str] = "concat"

    width: int

    @property
    def operations(self) -> tuple[Operation, ...]:
        """One copy; the gradient is copied back."""
        moved = Moved.always(2 * self.width)
        return (Operation(None, moved, moved, kept=self.width),)

    @property
    def output_width(self) -> int:
        """All that goes on."""
        return self.width
