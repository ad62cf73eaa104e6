#!/usr/bin/env python3
"""How well products between and beyond the points of a measured grid are predicted.

    python benchmarks/products.py

For each shipped grid the sizes 1,536, 3,072 and 6,144 of n and k are left out, then the largest m.
What was measured there is held against what the rest predicts: mean and worst of
|log(predicted / measured)|, and the mean beyond the grid.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from shardplan.cost.profile.build_gemm import build_gemm
from shardplan.cost.profile.gemm_file import GemmFile
from shardplan.cost.profile.grid_table import read_grid
from shardplan.units import parse_rate
from shardplan.workload.dense.operation import Shape

if TYPE_CHECKING:
    from shardplan.cost.dense.gemm import Gemm

COST_MODELS = Path(__file__).parents[1] / "cost_models"
LEFT_OUT = (1536, 3072, 6144)


def gemm_of(profile: dict[str, Any], table: dict[str, Any], tiles: bool = True) -> Gemm:
    """Products as a cost model predicts them from this much of its grid."""
    written = {key: part for key, part in profile["gemm"].items() if tiles or key != "tiles"}
    file = GemmFile.model_validate(written | {"grid": table})
    rates = profile["elementwise"], profile["lookup_forward"]["hbm"]["cached_read"]
    found = build_gemm(file, *(parse_rate(rate["value"]) for rate in rates))
    assert found is not None, "the grid is there"
    return found


def kept(table: dict[str, Any], axes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """A grid without these sizes."""
    cells = np.array(table["microseconds"])
    found = dict(table)
    for position, name in enumerate("mnk"):
        rest = np.flatnonzero(~np.isin(table[name], axes.get(name, ())))
        cells = cells.take(rest, axis=position)
        found[name] = [table[name][at] for at in rest]
    return found | {"microseconds": cells.tolist()}


def errors(device: str, axes: dict[str, tuple[int, ...]], tiles: bool = True) -> list[float]:
    """|log(predicted / measured)| of every product with a size that was left out."""
    profile = yaml.safe_load((COST_MODELS / f"{device}.yaml").read_text(encoding="utf-8"))
    path = COST_MODELS / "gemm" / f"{device}.csv"
    table = read_grid(path.read_text(encoding="utf-8"), path.name)
    gemm = gemm_of(profile, kept(table, axes), tiles)
    found = []
    for at, microseconds in np.ndenumerate(np.array(table["microseconds"])):
        sizes = {name: table[name][index] for name, index in zip("mnk", at, strict=True)}
        if any(size in axes.get(name, ()) for name, size in sizes.items()):
            found.append(abs(math.log(gemm.seconds(Shape(**sizes)) / (microseconds * 1e-6))))
    return found


def main() -> None:
    """A row for each grid."""
    print("| device | products | mean error | worst | beyond the largest m |")
    print("|---|---|---|---|---|")
    for path in sorted((COST_MODELS / "gemm").glob("*.csv")):
        found = errors(path.stem, {"n": LEFT_OUT, "k": LEFT_OUT})
        beyond = np.mean(errors(path.stem, {"m": (32_768,)}))
        mean, worst = np.mean(found), max(found)
        print(f"| {path.stem} | {len(found)} | {mean:.1%} | {worst:.0%} | {beyond:.1%} |")


if __name__ == "__main__":
    main()
