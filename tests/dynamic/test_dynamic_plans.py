"""Plans with dynamic tables: where values lie, and how good that is proven to be."""

from __future__ import annotations

import pytest
from dynamic_case import Kept, container_bytes, job, table

from shardplan import Settings, load, plan, verify
from shardplan.errors import Infeasible
from shardplan.options.dynamic_shares import PooledShares
from shardplan.plan.decision import Decision
from shardplan.plan.file.read import parse_plan
from shardplan.plan.file.write import render
from shardplan.plan.predict import predict
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType

FINE = Settings(gap=0.001, time_limit_seconds=20)


def entries(found):
    return {name: entry.dynamic for name, entry in found.plan["sparse.ebc"].items()}


def base_bytes(case):
    """What a device needs of HBM beside what dynamic tables hold there."""
    found = plan(case, Settings(method="greedy"))
    held = found.plan["sparse.ebc"]["t"].shards[0].memory_bytes.hbm
    return found.prediction.ranks[0].memory_bytes.hbm - held


@pytest.mark.parametrize("spare", [0, 1_000_000])
@pytest.mark.parametrize("is_short", [False, True])
def test_a_free_budget_keeps_all_in_hbm_exactly_when_values_and_index_fit(spare, is_short):
    ((needed, _),) = container_bytes([Kept(9_000_000, 1536)], 16, [10**12], caching=True)
    rest = base_bytes(job(table("t", 9_000_000, "hbm")))
    room = needed + rest + spare - (1_000_001 if is_short else 0)
    found = plan(job(table("t", 9_000_000), hbm=f"{room}B"), FINE)
    assert verify(found) == ()
    assert (entries(found)["t"].mode == "hbm") == (room >= needed + rest)


def test_a_plan_is_read_back_as_it_was_written():
    found = plan(job(table("t", 50_000_000, "caching"), hbm="2GB"), FINE)
    entry = parse_plan(render(found), "plan.json").plan["sparse.ebc"]["t"]
    assert entry == found.plan["sparse.ebc"]["t"]
    assert entry.compute_kernel is Kernel.DYNAMIC_CACHING
    assert '"compute_kernel": "customized_kernel"' in render(found)


def every_way(case, kernels):
    """The predicted step of all plans of one container that fit, bucket by bucket."""
    (container,) = PooledShares.of(case.workload, case.topology.world).containers
    buckets = max(layout.rows for layout in container.layouts) // 1024
    usable = case.capacity.usable_bytes[0]
    for kernel in kernels:
        for count in range(1, buckets) if kernel.is_dynamic_part else (0,):
            share = count / buckets
            shares = container.shares_of(kernel, share) if kernel.is_dynamic_part else None
            decisions = [
                Decision(
                    index,
                    ShardingType.ROW_WISE,
                    kernel,
                    load_factor=shares[index][0] if shares else None,
                    ddr_load_factor=shares[index][1] if shares else 0.0,
                )
                for index in container.tables
            ]
            found = predict(case, decisions)
            if found.rank_memory_bytes[:, 0].max() <= usable:
                yield found.step_seconds


KERNELS = (
    Kernel.DYNAMIC_HBM,
    Kernel.DYNAMIC_CACHING,
    Kernel.DYNAMIC_HYBRID,
    Kernel.DYNAMIC_HOST,
)


@pytest.mark.parametrize(
    ("rows", "skew", "part", "pooling"),
    [
        (200_000, "uniform", 0.5, 50),
        (150_000, {"zipf": 1.2}, 0.3, 500),
        (170_000, {"zipf": 0.8}, 0.9, 1),
    ],
)
def test_no_other_budget_is_better_than_the_bound_says(rows, skew, part, pooling):
    """Of one table: all numbers of buckets and all modes are tried."""
    one = table("t", rows, access=skew, pooling=pooling)
    whole = plan(job(one, nodes=1, hbm="80GB"), Settings(method="greedy"))
    least = plan(job(one | {"dynamic": "host"}, nodes=1), Settings(method="greedy"))
    low, high = (each.prediction.ranks[0].memory_bytes.hbm for each in (least, whole))
    case = job(one, nodes=1, hbm=f"{int(low + part * (high - low))}B")
    found = plan(case, FINE)
    assert verify(found) == ()
    best = min(every_way(case, KERNELS))
    assert found.optimality.lower_bound_seconds <= best * (1 + 1e-9)
    assert found.prediction.step_seconds <= best * 1.02


def test_tables_of_a_container_have_one_share_of_hbm():
    """Though only one of them is read much."""
    hot = table("hot", 20_000_000, pooling=500)
    found = plan(job(hot, table("cold", 20_000_000, pooling=1), hbm="3GB"), FINE)
    hot_entry, cold_entry = entries(found).values()
    assert hot_entry == cold_entry
    assert 0 < hot_entry.hbm_rows_per_rank < hot_entry.rows_per_rank


def test_tables_told_apart_by_an_option_have_budgets_of_their_own():
    hot = table("hot", 20_000_000, {"dist": "hash_roundrobin"}, pooling=500)
    found = plan(job(hot, table("cold", 20_000_000, pooling=1), hbm="3GB"), FINE)
    hot_entry, cold_entry = entries(found).values()
    assert verify(found) == ()
    assert hot_entry.hbm_rows_per_rank > cold_entry.hbm_rows_per_rank


def test_dynamic_tables_are_row_wise_on_a_single_device_too():
    case = load(
        {
            "batch": {"local": 64},
            "topology": {"name": "dgx-h100", "nodes": 1},
            "tables": [{"name": "t", "rows": 1000, "dim": 8, "dynamic": "hbm"}],
        }
    )
    one = case.with_(machine=case.machine.with_nodes(1))
    found = plan(one, Settings(method="greedy"))
    assert found.plan["sparse.ebc"]["t"].sharding_type is ShardingType.ROW_WISE


@pytest.mark.parametrize("mode", ["hbm", "caching", "hybrid", "host"])
def test_a_mode_that_is_asked_for_is_planned(mode):
    found = plan(job(table("t", 20_000_000, mode)), Settings(method="greedy"))
    assert verify(found) == ()
    assert entries(found)["t"].mode == mode
    assert entries(found)["t"].caching == (mode == "caching")


def test_values_that_do_not_fit_are_refused_with_the_numbers():
    with pytest.raises(Infeasible, match="hbm"):
        plan(job(table("t", 50_000_000, "hbm"), hbm="2GB"), Settings(method="greedy"))


def test_blocks_are_level_where_ids_are_dealt_and_not_where_they_are_continuous():
    def lookup(dist):
        hot = table("t", 1_000_000, {"mode": "hbm", "dist": dist}, pooling=50, ids="by_frequency")
        return plan(job(hot), Settings(method="greedy")).prediction.phases["lookup_forward"]

    assert lookup("roundrobin") == lookup("hash_roundrobin")
    assert lookup("continuous") > 1.5 * lookup("roundrobin")


EDITS = {
    "global_hbm_for_values": 10**9,
    "hbm_rows_per_rank": 1024,
    "rows_per_rank": 128,
    "caching": False,
    "bucket_capacity": 256,
}


@pytest.mark.parametrize("key", EDITS)
def test_an_edited_budget_is_found(key):
    found = plan(job(table("t", 50_000_000, "caching"), hbm="2GB"), Settings(method="greedy"))
    modules = dict(found.plan)
    entry = modules["sparse.ebc"]["t"]
    edited = entry.dynamic.model_copy(update={key: EDITS[key]})
    modules["sparse.ebc"] = {"t": entry.model_copy(update={"dynamic": edited})}
    faults = verify(found.model_copy(update={"plan": modules}))
    assert any(fault.code == "dynamic" for fault in faults)


def test_a_plain_table_is_no_dynamic_one():
    """Nor may it use the kernel of one."""
    found = plan(job(table("t", 1_000_000)), Settings(method="greedy"))
    case = job({"name": "t", "rows": 1_000_000})
    assert any("not dynamic" in fault.message for fault in verify(found, case))
    demand = [{"tables": "t", "kernels": ["dynamic_hbm"]}]
    case = job({"name": "t", "rows": 1_000_000}, constraints=demand)
    with pytest.raises(Infeasible, match="dynamic tables alone"):
        plan(case, FINE)
