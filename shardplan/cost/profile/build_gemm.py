"""From what a file says of matrix products to their times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.dense.gemm_grid import GemmGrid
from shardplan.cost.dense.gemm_roofline import GemmRoofline
from shardplan.cost.dense.gemm_tiles import GemmTiles
from shardplan.units import parse_seconds

if TYPE_CHECKING:
    from shardplan.cost.dense.gemm import Gemm
    from shardplan.cost.profile.gemm_file import GemmFile, GridFile, TilesFile

_MICROSECOND = parse_seconds("1us")


def build_gemm(
    file: GemmFile, memory_bytes_per_second: float, cached_bytes_per_second: float
) -> Gemm | None:
    """Products on a device that moves this much from memory, and from the on-chip cache.

    None where a grid is but named, and has not been read.
    """
    if file.grid is not None:
        return _grid(file.grid, file.tiles, memory_bytes_per_second, cached_bytes_per_second)
    figures = (file.t0, file.e, file.peak, file.h, file.memory)
    t0, e, peak, h, memory = (float(figure.value) if figure else 0.0 for figure in figures)
    return GemmRoofline(t0, e * peak, h * memory)


def _grid(file: GridFile, tiles: TilesFile | None, memory: float, cached: float) -> GemmGrid | None:
    """Told from point to point by a roofline of the grid's own least time and largest rate."""
    if file.microseconds is None:
        return None
    m, n, k = (np.array(axis, dtype=np.float64) for axis in (file.m, file.n, file.k))
    cells = np.array(file.microseconds, dtype=np.float64) * _MICROSECOND
    attained = float((2 * m[:, None, None] * n[:, None] * k / cells).max())
    roofline = GemmRoofline(float(cells[0, 0, 0]), attained, memory)
    if tiles is None:
        return GemmGrid((m, n, k), cells, roofline)
    waves = GemmTiles(roofline, tiles.processors, tiles.shapes, tiles.pieces, cached)
    return GemmGrid((m, n, k), cells, waves)
