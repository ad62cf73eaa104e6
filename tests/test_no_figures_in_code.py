"""Figures of hardware and kernels are in YAML, and nowhere in the code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "shardplan"
FILES = sorted(
    str(path.relative_to(PACKAGE))
    for room in ("cost", "topology", "options", "sharding", "workload")
    for path in (PACKAGE / room).rglob("*.py")
)
LARGEST_COUNT = 10
"""Numbers up to this count bytes of a format, passes over a table, columns of an array."""
NOT_FIGURES = {
    "cost/even_parts.py": {64, 1e-9},  # from where rounding matters little; a tolerance
    "options/dynamic_shares.py": {1e-3, 1e-9, 1e-10, 64, 256},  # tolerances; how many are tried
    "options/enumerate.py": {32},  # rows of a set
    "options/load_factors.py": {0.9},  # points of the curves of caches
    "options/offer.py": {512},  # a limit of what is tried
    "options/limits.py": {24, 31, 32, 2048},  # what kernels and runtime take
    "options/items.py": {64},  # a limit of what is tried
    "registry.py": {127},  # the largest code of an array of bytes
    "spec/build_workload.py": {1e-3},  # milliseconds to seconds
    "topology/congestion.py": {1e-9},  # a tolerance
    "topology/schema.py": {1024, 100_000},  # limits of what is taken for a slip of the pen
    "topology/symmetry.py": {
        27, 30, 31, 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB,
    },  # a hash
    "workload/drawn/scattered_rows.py": {
        32, 64, 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB,
    },  # a hash
    "workload/caching/lru.py": {1e-6, 1.12, 40.0, 64, 1e4},  # points of the curves of caches
    "workload/dynamic/dynamic.py": {128},  # rows of a bucket, a default
    "workload/dynamic/layout.py": {1e-6, 16, 1024},  # how dynamicemb lays rows out; a tolerance
    "workload/module/id_map.py": {1.25},  # room in a buffer of TorchRec, over what it expects
    "workload/reuse.py": {65_536, 1e-6, 0.5, 1.5, 64, 1e-300},  # the batch of the histograms
    "workload/row_reads.py": {20},  # how much lies side by side in memory
    "workload/serving/row_cache.py": {16, 32},  # how FBGEMM lays its cache of rows out
    "workload/serving/stored_format.py": {16, 32, 64, 128},  # how FBGEMM lays rows out; sectors
    "workload/wire/wire_type.py": {11, 17, 24, 32, 40, 128, 255},  # formats by definition
    "workload/zipf.py": {12, 128, 1.05, 0.5},  # how finely rows are grouped; how many at once
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_no_number_in_the_code_is_a_figure(name):
    tree = ast.parse((PACKAGE / name).read_text())
    numbers = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and type(node.value) in (int, float)
    }
    odd = {n for n in numbers if n > LARGEST_COUNT or n != int(n)}
    assert odd - NOT_FIGURES.get(name, set()) == set()
