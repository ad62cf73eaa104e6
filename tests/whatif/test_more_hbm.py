"""What more HBM would save: against a knapsack by hand, and against specs that have it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from tier_specs import build

from shardplan.options.load_factors import LOAD_FACTORS
from shardplan.plan.decision import Decision
from shardplan.plan.predict import predict
from shardplan.planning.formulate import formulate
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.solve.mixing.best_mix import best_mix
from shardplan.whatif.worth.more_hbm import MoreHbm, more_hbm

GIB = 2**30
MIB = 2**20
CACHED = Kernel.FUSED_UVM_CACHING
WHOLE = ShardingType.TABLE_WISE
LEAST = LOAD_FACTORS[0]
WHERE = ((0,), (0,), (1,), (1,))


def spec(hbm_bytes=4 * GIB, devices=2, pipeline="sparse_dist", read="200GB/s") -> dict:
    """Four tables of 5 to 15 GB; the step waits for what their caches miss."""
    return {
        "name": "cached",
        "batch": {"local": 4096},
        "topology": {
            "name": "small",
            "cost_model": "h100",
            "nodes": 1,
            "devices_per_node": devices,
            "device": {
                "hbm": {"capacity": f"{hbm_bytes}B", "read": "3TB/s"},
                "host_link": "64GB/s",
            },
            "node": {"ddr": {"capacity": "1TB", "read": read, "write": read.replace("200", "160")}},
            "scale_up": {"kind": "switch", "bandwidth": "450GB/s"},
            "nics": {"count": 1, "rate": "50GB/s"},
        },
        "training": {"pipeline": pipeline},
        "tables": [
            {"name": "a", "rows": 40_000_000, "dim": 64, "pooling": 10, "access": {"zipf": 1.05}},
            {"name": "b", "rows": 30_000_000, "dim": 128, "pooling": 2, "access": {"zipf": 0.9}},
            {"name": "c", "rows": 50_000_000, "dim": 32, "pooling": 8, "access": "uniform"},
            {"name": "d", "rows": 20_000_000, "dim": 64, "pooling": 4, "access": {"zipf": 1.2}},
        ],
        "constraints": [{"tables": "*", "kernels": [CACHED.name]}],
        "reserve": {"hbm": "0%"},
    }


def cached(shares=(LEAST,) * 4, where=WHERE) -> tuple[Decision, ...]:
    """Every table whole, with a cache of a share of its rows."""
    return tuple(
        Decision(table, WHOLE, CACHED, 1, targets, share)
        for table, (share, targets) in enumerate(zip(shares, where, strict=True))
    )


def resized_seconds(case, decisions) -> float:
    """The step when the caches are sized as the case's own HBM lets them be."""
    formulation = formulate(case)
    placement, _ = formulation.placement(decisions)
    sized = formulation.decisions(best_mix(formulation.problem, placement))
    return predict(case, sized).step_seconds


def knapsack_seconds(case) -> float:
    """The step of all tables on one device, whose HBM the densest segments of caches fill."""
    where = ((0,),) * 4
    least = predict(case, cached(where=where))
    segments = []
    for table in range(4):
        points = []
        for factor in LOAD_FACTORS:
            shares = [LEAST] * 4
            shares[table] = factor
            found = predict(case, cached(shares, where))
            points.append((found.step_seconds, found.rank_memory_bytes[0, 0]))
        segments += [(a[0] - b[0], b[1] - a[1]) for a, b in pairwise(points)]
    left = float(case.capacity.usable_bytes[0] - least.rank_memory_bytes[0, 0])
    seconds = least.step_seconds
    for saved, size in sorted(segments, key=lambda segment: -segment[0] / segment[1]):
        taken = min(1.0, left / size)
        seconds, left = seconds - taken * saved, left - taken * size
    return seconds


@pytest.mark.parametrize("hbm", [2, 4, 8, 16])
def test_on_one_device_it_is_what_the_next_segments_of_a_knapsack_save(hbm):
    case = build(spec(hbm * GIB, devices=1))
    found = more_hbm(case, cached(where=((0,),) * 4))
    larger = build(spec((hbm + 1) * GIB, devices=1))
    saved = knapsack_seconds(case) - knapsack_seconds(larger)
    assert saved > 0
    assert found.on_every_device_seconds == pytest.approx(saved, rel=1e-3)
    assert found.once_seconds == pytest.approx(saved, rel=1e-3)
    assert found.once_ranks == (0,)


@pytest.mark.parametrize("hbm", [3, 6])
def test_it_is_what_a_larger_machine_saves_with_the_same_placement(hbm):
    """By prediction of the plans whose caches are sized on the two machines."""
    case, larger = build(spec(hbm * GIB)), build(spec((hbm + 1) * GIB))
    saved = resized_seconds(case, cached()) - resized_seconds(larger, cached())
    found = more_hbm(case, cached())
    assert found.on_every_device_seconds == pytest.approx(saved, rel=1e-3)
    assert found.cached_tables == 4


def test_a_gibibyte_saves_the_sum_of_its_parts_and_the_first_part_most():
    """Differences of single steps of 128 MiB, each on a machine larger by those before."""
    steps = [more_hbm(build(spec(4 * GIB + n * 128 * MIB)), cached(), 128 * MIB) for n in range(8)]
    saved = [step.on_every_device_seconds for step in steps]
    whole = more_hbm(build(spec()), cached()).on_every_device_seconds
    assert sum(saved) == pytest.approx(whole, rel=1e-3)
    assert all(later <= earlier * (1 + 1e-4) for earlier, later in pairwise(saved))
    assert saved[0] * 8 > whole


def test_one_gibibyte_in_all_goes_to_the_device_that_the_others_wait_for():
    """Three tables on rank 0: memory on rank 1 saves only what rank 0 waits for it at the DDR.

    At 1 TB/s the DDR serves as much as both links carry: nothing.
    """
    placed = cached(where=((0,), (0,), (0,), (1,)))
    fast, shared = (more_hbm(build(spec(read=read)), placed) for read in ("1TB/s", "200GB/s"))
    assert fast.once_ranks == shared.once_ranks == (0,)
    assert fast.once_seconds == pytest.approx(fast.on_every_device_seconds, rel=1e-5)
    assert shared.once_seconds < shared.on_every_device_seconds


@pytest.mark.parametrize("where", [WHERE, ((0,), (1,), (0,), (1,)), ((1,), (1,), (1,), (0,))])
def test_one_gibibyte_in_all_saves_no_less_than_on_any_device_and_no_more_than_on_all(where):
    case = build(spec())
    found = more_hbm(case, cached(where=where))
    formulation = formulate(case)
    problem = formulation.problem
    placement, _ = formulation.placement(cached(where=where))
    alone = []
    for rank in range(2):
        capacity = problem.device_capacity.copy()
        capacity[rank] += GIB
        sized = best_mix(replace(problem, device_capacity=capacity), placement)
        alone.append(predict(case, formulation.decisions(sized)).step_seconds)
    as_is = predict(case, formulation.decisions(best_mix(problem, placement))).step_seconds
    allowed = 1e-3 * found.on_every_device_seconds
    assert found.once_seconds >= as_is - min(alone) - allowed
    assert found.on_every_device_seconds / 2 - allowed <= found.once_seconds
    assert found.once_seconds <= found.on_every_device_seconds + allowed


def test_it_is_nothing_where_hbm_is_not_scarce():
    """The largest caches that are offered all fit."""
    found = more_hbm(build(spec(80 * GIB)), cached())
    assert found == MoreHbm(GIB, 0.0, 0.0, (), 4)


def test_it_is_nothing_without_caches():
    decisions = tuple(replace(one, kernel=Kernel.FUSED, load_factor=None) for one in cached())
    assert more_hbm(build(spec()), decisions) == MoreHbm(GIB, 0.0, 0.0, (), 0)


def test_it_is_not_known_where_a_plan_does_what_its_spec_rules_out():
    decisions = tuple(replace(one, sharding=ShardingType.ROW_WISE, targets=()) for one in cached())
    ruled = spec() | {"constraints": [{"tables": "*", "sharding": ["table_wise"]}]}
    assert more_hbm(build(ruled), decisions) is None
