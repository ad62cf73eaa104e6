"""Products between measured ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.dense.gemm import Gemm
from shardplan.workload.dense.operation import Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class GemmGrid(Gemm):
    """Between the points of a full grid, as far from what is ``computed`` as they are: the log of
    measured over computed seconds is straight in the logs of m, n and k.

    Beyond the last point it is that of the edge; sizes before the first take as long as the first.
    """

    axes: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
    """The measured m, n and k, each rising."""
    cells: NDArray[np.float64]
    """(m, n, k): seconds."""
    computed: Gemm
    """What products would take by a few constants: it tells how time grows from point to point."""

    def seconds(self, shape: Shape) -> float:
        """Of one product."""
        sizes = (shape.m, shape.n, shape.k)
        corners = [_between(size, axis) for size, axis in zip(sizes, self.axes, strict=True)]
        log_excess = 0.0
        for (row, of_m), (column, of_n), (depth, of_k) in product(*corners):
            if weight := of_m * of_n * of_k:
                log_excess += weight * self._log_excess(row, column, depth)
        least = (max(size, float(axis[0])) for size, axis in zip(sizes, self.axes, strict=True))
        return math.exp(log_excess) * self.computed.seconds(Shape(*least))

    def _log_excess(self, row: int, column: int, depth: int) -> float:
        """Of a point: how much longer it took than is computed."""
        m, n, k = self.axes
        there = Shape(float(m[row]), float(n[column]), float(k[depth]))
        return math.log(float(self.cells[row, column, depth]) / self.computed.seconds(there))

    @property
    def start_seconds(self) -> float:
        """Of the smallest product, which hardly computes."""
        return float(self.cells[0, 0, 0])

    @cached_property
    def flop_per_second(self) -> float:
        """The most that any cell attains."""
        m, n, k = self.axes
        return float((2 * m[:, None, None] * n[:, None] * k / self.cells).max())


def _between(size: float, axis: NDArray[np.float64]) -> tuple[tuple[int, float], ...]:
    """The points around a size, and how much each weighs in a line over logs."""
    size = min(max(size, float(axis[0])), float(axis[-1]))
    after = min(int(np.searchsorted(axis, size, side="right")), len(axis) - 1)
    before = max(after - 1, 0)
    if before == after:
        return ((after, 1.0),)
    weight = float(np.log(size / axis[before]) / np.log(axis[after] / axis[before]))
    return (before, 1 - weight), (after, weight)
