"""Products between measured ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.dense.gemm import Gemm

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.workload.dense.operation import Shape


@dataclass(frozen=True, eq=False)
class GemmGrid(Gemm):
    """Straight in the logs of m, n, k and seconds between the points of a full grid.

    Beyond its last point time grows in proportion to the excess; before its first the edge holds.
    """

    axes: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
    """The measured m, n and k, each rising."""
    cells: NDArray[np.float64]
    """(m, n, k): seconds."""

    def seconds(self, shape: Shape) -> float:
        """Of one product."""
        corners, excess = [], 1.0
        for size, axis in zip((shape.m, shape.n, shape.k), self.axes, strict=True):
            excess *= max(1.0, size / float(axis[-1]))
            corners.append(_between(size, axis))
        log_seconds = 0.0
        for (row, of_m), (column, of_n), (depth, of_k) in product(*corners):
            log_seconds += of_m * of_n * of_k * float(self._logs[row, column, depth])
        return float(np.exp(log_seconds)) * excess

    @property
    def start_seconds(self) -> float:
        """Of the smallest product, which hardly computes."""
        return float(self.cells[0, 0, 0])

    @cached_property
    def flop_per_second(self) -> float:
        """The most that any cell attains."""
        m, n, k = self.axes
        return float((2 * m[:, None, None] * n[:, None] * k / self.cells).max())

    @cached_property
    def _logs(self) -> NDArray[np.float64]:
        logs: NDArray[np.float64] = np.log(self.cells)
        return logs


def _between(size: float, axis: NDArray[np.float64]) -> tuple[tuple[int, float], ...]:
    """The points around a size, and how much each weighs in a line over logs."""
    size = min(max(size, float(axis[0])), float(axis[-1]))
    after = min(int(np.searchsorted(axis, size, side="right")), len(axis) - 1)
    before = max(after - 1, 0)
    if before == after:
        return ((after, 1.0),)
    weight = float(np.log(size / axis[before]) / np.log(axis[after] / axis[before]))
    return (before, 1 - weight), (after, weight)
