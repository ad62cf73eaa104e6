"""Caches over DDR and SSD against what their plan predicts: memory, and hits."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("shardplan.workload.lru", reason="caches are not planned yet")

from random_specs import TOPOLOGY
from test_native_engine import setup_of

from shardplan.case import case_of_value
from shardplan.executor.native_engine import NativeEngine
from shardplan.executor.synthetic_data import SyntheticData
from shardplan.plan.write import render
from shardplan.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.workload.access import Zipf
from shardplan.workload.lru import lru_curve

if TYPE_CHECKING:
    from shardplan.plan.plan import Plan

ROWS, DIM, SAMPLES, POOLING, EXPONENT = 20_000, 32, 128, 4, 1.05


def plan_of(kernel: str, optimizer: str, hbm: str, ddr: str) -> Plan:
    """A plan of a table behind caches that leave most of it out of HBM, and of another."""
    topology: dict[str, Any] = copy.deepcopy(TOPOLOGY) | {"nodes": 1, "devices_per_node": 1}
    topology["device"]["hbm"]["capacity"] = hbm
    topology["node"]["ddr"]["capacity"] = ddr
    topology["node"]["ssd"] = {"capacity": "1TB", "read": "3GB/s", "iops": 500_000}
    spec = {
        "name": "tiered",
        "batch": {"local": SAMPLES},
        "topology": topology,
        "training": {"optimizer": optimizer, "pipeline": "prefetch_sparse_dist"},
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
    return engine.measured()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kernel", "optimizer", "hbm", "ddr"),
    [
        ("fused_uvm_caching", "adagrad", "800KB", "4TB"),
        ("key_value", "rowwise_adagrad", "1200KB", "3MB"),
    ],
)
def test_memory_and_hits_are_what_the_plan_predicts(
    kernel: str, optimizer: str, hbm: str, ddr: str
) -> None:
    """Memory of the tiers that hold rows within 5%; hits in HBM within 2 points."""
    plan = plan_of(kernel, optimizer, hbm, ddr)
    cache = plan.plan["sparse.ebc"]["t"].cache
    assert cache is not None
    assert 0.05 < cache.load_factor < 0.6
    found = measured(plan, 60, 60)
    predicted = plan.prediction.ranks[0].memory_bytes
    assert found["memory_bytes"]["hbm"] == pytest.approx(predicted.hbm, rel=0.05)
    assert found["memory_bytes"]["ssd"] == predicted.ssd
    if kernel == "fused_uvm_caching":
        assert found["memory_bytes"]["ddr"] == pytest.approx(predicted.ddr, rel=0.05)
    else:  # FBGEMM's buffers between HBM and SSD, which this engine does without, are planned for.
        assert found["memory_bytes"]["ddr"] < predicted.ddr
    distribution = Zipf(EXPONENT).distribution(ROWS, POOLING)
    curve = lru_curve(distribution, SAMPLES * POOLING)
    expected = float(curve.hit_rate_at(np.array([cache.load_factor * ROWS]))[0])
    assert found["caches"][0]["hit_rate"] == pytest.approx(expected, abs=0.02)
