"""Groups of devices where all of them together would be too many."""

from __future__ import annotations

from functools import cache
from random import Random

from shardplan import Settings, load, plan

_DENSE = {"forward_ms": 100, "backward_ms": 200}


@cache
def predicted(devices: int, groups: int, every: int):
    """Of a greedy plan of 200 drawn tables on DGX H100s, 1,280 samples to a device."""
    random = Random(0)
    tables = [
        {
            "name": f"t{number}",
            "rows": int(10 ** random.uniform(4.5, 7.3)),
            "dim": random.choice([64, 128, 256]),
            "pooling": round(10 ** random.uniform(0, 1.5), 1),
        }
        for number in range(200)
    ]
    replicas = {"groups": groups, "sync_every": every}
    kinds = ["table_wise", "column_wise", "row_wise", "table_row_wise"]
    value = {
        "batch": {"local": 1280},
        "topology": {"name": "dgx-h100", "nodes": devices // 8},
        "training": {"optimizer": "rowwise_adagrad", "replicas": replicas, "dense": _DENSE},
        "defaults": {"access": {"zipf": 1.05}},
        "tables": tables,
        "constraints": [{"tables": "*", "sharding": kinds, "kernels": "fused"}],
    }
    return plan(load(value), Settings("greedy")).prediction


def one_group():
    """It never syncs."""
    return predicted(1024, 1, 20)


def test_one_group_is_best_where_a_sync_each_step_costs_more_than_it_saves():
    two = predicted(1024, 2, 1)
    saved = one_group().step_seconds - (two.step_seconds - two.phases["replica_sync"])
    assert two.phases["replica_sync"] > saved > 0


def test_four_groups_are_best_where_a_sync_comes_in_twenty_steps():
    steps = {groups: predicted(1024, groups, 20).step_seconds for groups in (2, 4, 8)}
    assert steps[4] == min(*steps.values(), one_group().step_seconds)


def test_groups_of_256_are_nearly_linear_up_to_4096_devices():
    """Beside dense layers that take a sixth of what Meta's ExFM does with as many samples."""
    steps = {n: predicted(n, n // 256, 20).step_seconds for n in (512, 1024, 2048, 4096)}
    assert all(steps[512] / step >= 0.9 for step in steps.values())
    assert steps[4096] > steps[512]
