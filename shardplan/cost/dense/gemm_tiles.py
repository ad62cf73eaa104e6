"""Products whose tiles go over the processors of a device in whole waves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from shardplan.cost.dense.gemm import Gemm
from shardplan.workload.dense.operation import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.cost.dense.gemm_roofline import GemmRoofline

_SUM_BYTES = 4
"""Of a partial sum, in fp32."""


@dataclass(frozen=True)
class GemmTiles(Gemm):
    """A product is cut into tiles of one shape, and its k into pieces; each processor takes one at
    a time, and the last wave takes as long as a full one (NVIDIA, "Matrix Multiplication Background
    User's Guide").

    A tile of m x n loads m + n elements for m n multiplications: its width is ``m n / (m + n)``.
    The narrower it is, the more of its time goes to loading. The quickest way to cut is taken.
    """

    roofline: GemmRoofline
    processors: int
    shapes: tuple[tuple[int, int], ...]
    """Of tiles: rows and columns."""
    pieces: tuple[int, ...]
    """Into how many k may be cut; their sums are written and read once more."""
    cached_bytes_per_second: float
    """Rate at which the processors together load from the on-chip cache."""

    def seconds(self, shape: Shape) -> float:
        """Of one product."""
        return self.roofline.t0_seconds + min(self._ways(shape))

    @property
    def start_seconds(self) -> float:
        """Of the smallest product."""
        return self.roofline.start_seconds

    @property
    def flop_per_second(self) -> float:
        """Of products that neither wait for memory nor leave processors idle."""
        return self.roofline.flop_per_second

    def _ways(self, shape: Shape) -> Iterator[float]:
        moving = self.roofline.moving_seconds(shape)
        for rows, columns in self.shapes:
            tiles = math.ceil(shape.m / rows) * math.ceil(shape.n / columns)
            of_tile = Shape(rows, columns, shape.k).flop * self._seconds_per_flop(rows, columns)
            for pieces in self.pieces:
                waves = math.ceil(tiles * pieces / self.processors)
                yield max(waves * of_tile / pieces, moving) + self._summing(shape, pieces)

    def _seconds_per_flop(self, rows: int, columns: int) -> float:
        """Of one processor, such that those of the widest tile attain the rate together."""
        loading = 1 + self._half_width / _width(rows, columns)
        of_widest = 1 + self._half_width / self._widest
        return loading / of_widest * self.processors / self.flop_per_second

    def _summing(self, shape: Shape, pieces: int) -> float:
        if pieces == 1:
            return 0.0
        moved = 2 * _SUM_BYTES * shape.m * shape.n * pieces
        return moved / self.roofline.attained_bytes_per_second

    @property
    def _half_width(self) -> float:
        """At which a tile loads for as long as it multiplies: in bf16 ``w`` operations a byte."""
        return self.flop_per_second / self.cached_bytes_per_second

    @cached_property
    def _widest(self) -> float:
        return max(_width(*shape) for shape in self.shapes)


def _width(rows: int, columns: int) -> float:
    return rows * columns / (rows + columns)
