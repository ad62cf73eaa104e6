"""Tables whose features have batches of their own size: what may be planned of them."""

from __future__ import annotations

import pytest

from shardplan import Settings, load, plan, verify
from shardplan.errors import Infeasible
from shardplan.options import limits
from shardplan.planning.formulate import formulate
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType

UNTAKEN = {ShardingType.DATA_PARALLEL, ShardingType.GRID_SHARD}


def job(**more):
    return load(
        {
            "batch": {"local": 4096, "features": {"user_*": 0.1}},
            "topology": {"name": "dgx-h100", "nodes": 2},
            "training": {"exact_updates": False},
            "defaults": {"dim": 64},
            "tables": [
                {"name": f"{of}_{rows}", "rows": rows}
                for of in ("user", "item")
                for rows in (100, 5000)
            ],
        }
        | more
    )


def types_of(case):
    """By table, all sharding types that it is offered with."""
    options, kinds = formulate(case).options, tuple(ShardingType.registry())
    found = {table.name: set() for table in case.workload.tables}
    for table, code in zip(options.table.tolist(), options.sharding.tolist(), strict=True):
        found[case.workload.tables[table].name].add(kinds[code])
    return found


def test_they_are_offered_what_torchrec_trains_and_the_others_all():
    found = types_of(job())
    assert found["user_100"] == found["item_100"] - UNTAKEN
    assert found["item_100"] > UNTAKEN


def test_a_demand_for_another_type_is_refused_with_the_reason():
    for kind in map(str, UNTAKEN):
        with pytest.raises(Infeasible, match="batches of their own size"):
            plan(job(constraints=[{"tables": "user_100", "sharding": kind}]))


def test_hot_rows_of_such_tables_are_refused_by_their_own_reason() -> None:
    (own, *_) = (table for table in job().workload.tables if table.has_own_batches)
    fault = limits.type_fault(ShardingType.HOT_ROW_WISE, own)
    assert fault == "no table keeps hot rows whose features have batches of their own size"


def test_a_plan_that_has_them_otherwise_is_found():
    case = job()
    found = plan(case, Settings(method="greedy"))
    assert verify(found) == ()
    entry = found.plan["sparse.ebc"]["user_100"]
    assert entry.sharding_type.takes_own_batches
    everywhere = {"sharding_type": ShardingType.DATA_PARALLEL, "compute_kernel": Kernel.DENSE}
    edited = entry.model_copy(
        update=everywhere | {"ranks": tuple(range(16)), "shards": (), "cache": None}
    )
    tables = found.plan["sparse.ebc"] | {"user_100": edited}
    faults = verify(found.model_copy(update={"plan": found.plan | {"sparse.ebc": tables}}))
    assert any("batches of their own size" in fault.message for fault in faults)
