"""Caches over DDR and SSD against what their plan predicts: memory, and hits."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

pytest.importorskip("torch")

from random_specs import TOPOLOGY
from test_native_engine import setup_of

from shardplan.build_case import case_of_value
from shardplan.executor.train.data.synthetic_data import SyntheticData
from shardplan.executor.train.native_engine import NativeEngine
from shardplan.plan.file.write import render
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.workload.access import Zipf
from shardplan.workload.caching.hot_set import hot_set_curve
from shardplan.workload.caching.lru import lru_curve

if TYPE_CHECKING:
    from shardplan.plan.file.plan import Plan
    from shardplan.workload.training import CacheAlgorithm

ROOT = Path(__file__).parents[2]
ENTRY = "20B"
"""Of DDR, what the engine keeps beside each row that it caches: its number, stamp and pins."""
ROWS, DIM, SAMPLES, POOLING, EXPONENT = 20_000, 32, 128, 4, 1.05


def plan_of(kernel: str, hbm: str, ddr: str, **training: str) -> Plan:
    """A plan of a table behind caches that leave most of it out of HBM, and of another."""
    cost_model = yaml.safe_load((ROOT / "cost_models" / "h100.yaml").read_text(encoding="utf-8"))
    cost_model["cache"]["ddr_entry"]["value"] = ENTRY  # Shipped profiles have FBGEMM's.
    topology: dict[str, Any] = copy.deepcopy(TOPOLOGY) | {"nodes": 1, "devices_per_node": 1}
    topology["device"]["hbm"]["capacity"] = hbm
    topology["node"]["ddr"]["capacity"] = ddr
    topology["node"]["ssd"] = {"capacity": "1TB", "read": "3GB/s", "iops": 500_000}
    spec = {
        "name": "tiered",
        "batch": {"local": SAMPLES},
        "topology": topology,
        "training": training,
        "cost_model": cost_model,
        "tables": [
            {
                "name": "t",
                "rows": ROWS,
                "dim": DIM,
                "pooling": POOLING,
                "access": {"zipf": EXPONENT},
            },
            {"name": "u", "rows": 500, "dim": DIM, "pooling": 1},
        ],
        "constraints": [{"tables": ["t"], "kernels": [kernel], "sharding": ["table_wise"]}],
        "reserve": {"hbm": "0%", "ddr": "0%", "ssd": "0%"},
    }
    return make_plan(case_of_value(spec, "spec"), Settings(), Reporter())


def measured(plan: Plan, warm_up: int, steps: int) -> dict[str, Any]:
    setup = setup_of(render(plan))
    engine = NativeEngine(setup)
    data = SyntheticData(setup.view, SAMPLES, 0)
    for _ in engine.train(data.batches(0, warm_up)):
        pass
    engine.forget_measurements()
    for _ in engine.train(data.batches(warm_up, steps)):
        pass
    return engine.measured().as_json()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kernel", "hbm", "ddr", "optimizer", "pipeline", "algorithm"),
    [
        ("fused_uvm_caching", "800KB", "4TB", "adagrad", "prefetch_sparse_dist", "lru"),
        ("fused_uvm_caching", "900KB", "4TB", "adagrad", "sparse_dist", "lfu"),
        ("key_value", "1200KB", "3MB", "rowwise_adagrad", "prefetch_sparse_dist", "lru"),
        ("key_value", "1200KB", "3MB", "rowwise_adagrad", "none", "lru"),
    ],
)
def test_memory_and_hits_are_what_the_plan_predicts(
    kernel: str, hbm: str, ddr: str, optimizer: str, pipeline: str, algorithm: CacheAlgorithm
) -> None:
    """Memory of each tier within 5%; hits in HBM within 2 points."""
    training = {"optimizer": optimizer, "pipeline": pipeline, "cache_algorithm": algorithm}
    plan = plan_of(kernel, hbm, ddr, **training)
    cache = plan.plan["sparse.ebc"]["t"].cache
    assert cache is not None
    assert 0.05 < cache.load_factor < 0.6
    # Counts of reads take longer to tell rows apart than the last reads take to be known.
    found = measured(plan, 60 if algorithm == "lru" else 400, 60)
    predicted = plan.prediction.ranks[0].memory_bytes
    assert found["memory_bytes"]["hbm"] == pytest.approx(predicted.hbm, rel=0.05)
    assert found["memory_bytes"]["ssd"] == predicted.ssd
    assert found["memory_bytes"]["ddr"] == pytest.approx(predicted.ddr, rel=0.05)
    distribution = Zipf(EXPONENT).distribution(ROWS, POOLING)
    curve_of = {"lru": lru_curve, "lfu": hot_set_curve}[algorithm]
    curve = curve_of(distribution, SAMPLES * POOLING)
    expected = float(curve.hit_rate_at(np.array([cache.load_factor * ROWS]))[0])
    assert found["caches"][0]["hit_rate"] == pytest.approx(expected, abs=0.02)
