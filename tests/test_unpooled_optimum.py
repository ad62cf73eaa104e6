"""The best plan of a small module that does not pool, and its bound, against trying every plan."""

from __future__ import annotations

from itertools import combinations, product

import pytest

from shardplan import plan, verify
from shardplan.build_case import build_case
from shardplan.plan.decision import Decision
from shardplan.plan.predict import predict
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.solve.settings import Settings
from shardplan.spec.load import spec_from_value

DEVICES = range(4)


def case_of(dedup, *tables):
    return build_case(
        spec_from_value(
            {
                "name": "small",
                "batch": {"local": 2_048},
                "topology": {
                    "name": "four",
                    "cost_model": "h100",
                    "nodes": 1,
                    "devices_per_node": 4,
                    "device": {
                        "hbm": {"capacity": "80GB", "read": "3TB/s"},
                        "host_link": "64GB/s",
                    },
                    "scale_up": {"kind": "switch", "bandwidth": "450GB/s"},
                    "nics": {"count": 4, "rate": "50GB/s"},
                },
                "training": {"optimizer": "adam", "pipeline": "sparse_dist"},
                "modules": {"ec": {"kind": "sequence", "dedup": dedup}},
                "defaults": {"dim": 64, "module": "ec"},
                "tables": [{"name": f"t{n}", **each} for n, each in enumerate(tables)],
            },
            "small",
        )
    )


def ways(table):
    """Every way to shard and place a table on four devices."""
    fused = Kernel.FUSED
    yield Decision(table, ShardingType.DATA_PARALLEL, Kernel.DENSE, 1, tuple(DEVICES))
    yield Decision(table, ShardingType.ROW_WISE, fused, 1, tuple(DEVICES))
    for device in DEVICES:
        yield Decision(table, ShardingType.TABLE_WISE, fused, 1, (device,))
    for cuts in (2, 4):
        for places in combinations(DEVICES, cuts):
            yield Decision(table, ShardingType.COLUMN_WISE, fused, cuts, places)


def is_of_one_width(decisions):
    cuts = {each.column_shards for each in decisions if each.sharding.cuts_columns}
    return len(cuts) < 2


LARGE_AND_SMALL = (
    {"rows": 1_000_000, "pooling": 100, "padding": {"id": 0, "share": "60%"}},
    {"rows": 200_000, "pooling": 30},
)
PADDED_ELSEWHERE = (
    {"rows": 40_000, "pooling": 50, "padding": {"id": 35_000, "share": "60%"}},
    {"rows": 3_000_000, "pooling": 20, "padding": {"id": 5, "share": "90%"}},
)
HOT_ELSEWHERE = (
    {"rows": 400_000, "pooling": 50, "access": {"zipf": 1.1}, "ids": "by_frequency"},
    {"rows": 1_000_000, "pooling": 60, "padding": {"id": 999_999, "share": "50%"}},
)


@pytest.mark.parametrize(
    ("tables", "dedup", "within"),
    [
        (LARGE_AND_SMALL, False, 1.02),
        (PADDED_ELSEWHERE, True, 1.02),
        # All blocks are charged as the busiest, also where those of two tables do not meet.
        (HOT_ELSEWHERE, False, 1.5),
    ],
)
def test_no_plan_is_better_than_its_bound_and_the_best_is_near(tables, dedup, within):
    case = case_of(dedup, *tables)
    every = [each for each in product(ways(0), ways(1)) if is_of_one_width(each)]
    least = min(predict(case, each).step_seconds for each in every)
    found = plan(case, Settings(gap=within - 1, effort=0.1, time_limit_seconds=1e6))
    assert verify(found, case) == ()
    optimality = found.optimality
    assert optimality.lower_bound_seconds <= least * (1 + 1e-6)
    assert least * (1 - 1e-6) <= optimality.objective_seconds <= least * within
