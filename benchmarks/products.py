#!/usr/bin/env python3
"""How well products between the points of a measured grid are predicted.

    python benchmarks/products.py

For each shipped grid the sizes 1,536, 3,072 and 6,144 of n and k are left out. What was measured
there is held against what the rest predicts: mean and worst of |log(predicted / measured)|.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from shardplan.cost.dense.gemm_grid import GemmGrid
from shardplan.cost.profile.grid_table import read_grid
from shardplan.workload.dense.operation import Shape

GRIDS = Path(__file__).parents[1] / "cost_models" / "gemm"
LEFT_OUT = (1536, 3072, 6144)


def errors(path: Path) -> list[float]:
    """|log(predicted / measured)| of every product that was left out."""
    table = read_grid(path.read_text(encoding="utf-8"), path.name)
    m, n, k = (np.array(table[axis], dtype=np.float64) for axis in "mnk")
    cells = np.array(table["microseconds"]) * 1e-6
    rest = [np.flatnonzero(~np.isin(axis, LEFT_OUT)) for axis in (n, k)]
    gemm = GemmGrid((m, n[rest[0]], k[rest[1]]), cells[:, rest[0]][:, :, rest[1]])
    return [
        abs(math.log(gemm.seconds(Shape(m[row], n[column], k[depth])) / seconds))
        for (row, column, depth), seconds in np.ndenumerate(cells)
        if n[column] in LEFT_OUT or k[depth] in LEFT_OUT
    ]


def main() -> None:
    """A row for each grid."""
    print("| device | products | mean error | worst |")
    print("|---|---|---|---|")
    for path in sorted(GRIDS.glob("*.csv")):
        found = errors(path)
        mean, worst = np.mean(found), max(found)
        print(f"| {path.stem} | {len(found)} | {mean:.1%} | {worst:.0%} |")


if __name__ == "__main__":
    main()
