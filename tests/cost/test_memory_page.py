"""docs/memory.md against the code: its tables are computed."""

from __future__ import annotations

import math
import re
from itertools import product
from pathlib import Path

import pytest
from analytic_cases import memory, model, table

from shardplan.workload.access import Zipf
from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.optimizer import OPTIMIZERS, Optimizer
from shardplan.workload.pipeline.pipeline import Pipeline
from shardplan.workload.training import CacheAlgorithm, Training

PAGE = Path(__file__).parents[2] / "docs" / "memory.md"
TIERS = ("HBM", "DDR", "SSD")
ROWS, COLUMNS, BATCH, WORLD = 100_000, 64, 8_192, 8
CACHES = {"fused_uvm_caching": (0.25, 0.0), "key_value": (0.125, 0.5)}
SETTINGS = [
    setting
    for setting in product(
        (Optimizer.ROWWISE_ADAGRAD, Optimizer.ADAM, Optimizer.PARTIAL_ROWWISE_ADAM),
        Pipeline,
        (Dtype.FP32, Dtype.FP16),
        CacheAlgorithm,
    )
    if setting[1] is not Pipeline.PREFETCH_SPARSE_DIST or setting[3] is CacheAlgorithm.LRU
]


def rows_under(title: str) -> list[list[str]]:
    """The rows of the table whose first column has this title."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(f"\n| {title} |")
    lines = rest.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def codes(cell: str) -> list[str]:
    """What stands in backquotes in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def state_on_the_page(optimizer: Optimizer) -> tuple[int, int]:
    """Bytes of each row and of each weight."""
    (cells,) = [row for row in rows_under("optimizer") if codes(row[0]) == [optimizer.name]]
    per_row, per_weight = (int(codes(cell)[0]) for cell in cells[1:])
    return per_row, per_weight


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_the_page_tells_the_state_of_every_optimizer(optimizer: Optimizer) -> None:
    found = optimizer.state()
    assert (found.bytes_per_row, found.bytes_per_weight) == state_on_the_page(optimizer)


def case(optimizer: Optimizer, pipeline: Pipeline, wire: Dtype, algorithm: CacheAlgorithm):
    training = Training(
        optimizer=optimizer,
        pipeline=pipeline,
        comm_forward=wire,
        comm_backward=wire,
        dense_memory_bytes=12_345,
        cache_algorithm=algorithm,
    )
    only = table(rows=ROWS, dim=COLUMNS, pooling=20.0, dtype=Dtype.FP16, access=Zipf(1.1))
    return model(only, batch=BATCH, training=training)


def names(costs, kernel: str) -> dict[str, float]:
    """What the formulas of the page are in."""
    training, (only,) = costs.workload.training, costs.workload.tables
    samples = BATCH // WORLD if kernel == "dense" else BATCH
    copies = dict(zip(Pipeline, (1, 2, 2, 3, 2, 3), strict=True))
    flight = dict(zip(Pipeline, (1, 1, 2, 3, 2, 3), strict=True))
    ahead = int(training.pipeline is Pipeline.SEMI_SYNC)
    counts = kernel == "fused_uvm_caching" and training.cache_algorithm is CacheAlgorithm.LFU
    prefetches = training.pipeline is Pipeline.PREFETCH_SPARSE_DIST
    per_row, per_weight = state_on_the_page(training.optimizer)
    access = only.access.distribution(ROWS, 20.0)
    h, d = CACHES.get(kernel, (0.0, 0.0))
    return {
        "rows": ROWS, "D": COLUMNS, "e": 2, "h": h, "d": d, "ids": samples * 20, "bags": samples,
        "per_row": per_row, "per_weight": per_weight,
        "slot": 20 if prefetches else 8 if counts else 16,
        "entry": costs.profile.cache.ddr_entry_bytes, "batches": flight[training.pipeline],
        "copies": copies[training.pipeline],
        "ahead": ahead, "wire": 0 if training.comm_forward is Dtype.FP32 else 4 + 2 * ahead,
        "ways": 4 if prefetches else 3, "distinct": math.ceil(access.unique_rows(BATCH * 20)),
        "dense": 12_345, "samples": BATCH // WORLD, "own_ids": BATCH // WORLD * 20,
        "own_bags": BATCH // WORLD, "width": COLUMNS, "expanded_width": 0, "expanded_features": 0,
    }  # fmt: skip


def value(formula: str, known: dict[str, float]) -> float:
    (expression,) = codes(formula)
    return float(eval(expression, {"__builtins__": {}}, known))


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: "-".join(map(str, s)))
@pytest.mark.parametrize("kernel", ["dense", "fused", "fused_uvm", *CACHES])
def test_shards_need_what_the_page_says(kernel: str, setting) -> None:
    costs = case(*setting)
    kind = "data_parallel" if kernel == "dense" else "table_wise"
    needs = dict.fromkeys(TIERS, 0.0)
    for what, kernels, tier, formula in rows_under("what"):
        # State of some optimizers, counters of some caches.
        conditions = [code.removeprefix("cache_algorithm: ") for code in codes(what)]
        if kernel in codes(kernels) and (not conditions or {*map(str, setting)} & {*conditions}):
            needs[tier] += value(formula, names(costs, kernel))
    found = memory(costs, kind, kernel, cache=CACHES.get(kernel, ()))
    assert found == pytest.approx(list(needs.values()), rel=1e-12)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: "-".join(map(str, s)))
def test_devices_need_what_the_page_says(setting) -> None:
    costs = case(*setting)
    needs = [
        value(formula, names(costs, "fused")) for _, _, formula in rows_under("once per device")
    ]
    assert costs.base_memory_bytes.tolist() == [sum(needs), 0, 0]
