"""Bytes of dynamic tables, against those worked out from dynamicemb's source, to the byte."""

from __future__ import annotations

import json

import pytest
from dynamic_case import Kept, container_bytes, job, table
from hypothesis import given, settings
from hypothesis import strategies as st

from shardplan import Settings, plan, verify
from shardplan.workload.dynamic.layout import DynamicLayout, state_row_bytes
from shardplan.workload.optimizers.optimizer import Optimizer

GREEDY = Settings(method="greedy")


def planned(case, settings=GREEDY):
    found = plan(case, settings)
    assert verify(found) == ()
    return found


def held(found, *names):
    """(HBM, host) of some tables on the first device."""
    shards = [found.plan["sparse.ebc"][name].shards[0].memory_bytes for name in names]
    return sum(each.hbm for each in shards), sum(each.ddr for each in shards)


def hstu(budget, mode="caching"):
    """The job recsys-hstu-e2e-2xh100 of NVIDIA/recsys-examples, pooled."""
    dynamic = {"mode": mode, "dist": "hash_roundrobin"}
    if budget is not None:
        dynamic["hbm_for_values"] = budget
    small = [{"name": f"small_{rows}", "rows": rows} for rows in (100, 101, 50)]
    item = table("item", 50_000_000, dynamic, pooling=2048)
    return job(item, table("user_id", 50_000_000, dynamic), *small)


def test_values_index_and_overflow_of_the_published_job_are_right_to_the_byte():
    found = planned(hstu("61.44GB"))
    entry = found.plan["sparse.ebc"]["item"].dynamic
    assert entry.rows_per_rank == 3_125_120
    assert entry.hbm_rows_per_rank == 2_500_608
    assert entry.value_bytes_per_row == 1536
    hbm, host = held(found, "item", "user_id")
    assert host == 9_600_368_640
    assert hbm == 7_691_304_960 + 105_174_104 + 131_450_360


def test_a_tenth_of_the_published_job_is_right_to_the_byte():
    found = planned(hstu("10%"))
    assert found.plan["sparse.ebc"]["item"].dynamic.hbm_rows_per_rank == 313_344
    hbm, _ = held(found, "item", "user_id")
    assert hbm == 972_029_952 + 13_291_928 + 131_450_360


def test_the_index_of_a_table_on_the_host_is_in_hbm():
    found = planned(hstu(None, "host"))
    assert held(found, "item", "user_id") == (131_450_360, 9_600_368_640)


def test_the_published_job_is_that_of_the_data_file(shared_data):
    jobs = json.loads((shared_data / "real_jobs.json").read_text())["jobs"]
    (published,) = [each for each in jobs if each["name"] == "recsys-hstu-e2e-2xh100"]
    note, tables = published["budget_note"], published["modules"][0]["tables"]
    found = planned(hstu(f"{note['hbm_for_values_bytes_per_table']}B"))
    for name in ("item", "user_id"):
        entry = found.plan["sparse.ebc"][name].dynamic
        assert entry.rows_per_rank == note["rows_per_rank"]
        assert entry.hbm_rows_per_rank == note["hbm_cache_rows_per_rank_and_table"]
    assert held(found, "item", "user_id")[1] == note["host_value_bytes_per_rank"]
    assert {each["name"]: each["rows"] for each in tables} == {
        name: facts.rows
        for name in ("item", "user_id")
        for facts in found.tables
        if facts.name == name
    }


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (Optimizer.SGD, 0),
        (Optimizer.ADAGRAD, 128 * 2),
        (Optimizer.ADAM, 2 * 128 * 2),
        (Optimizer.ROWWISE_ADAGRAD, 16),
    ],
)
def test_state_lies_in_the_format_of_the_weights(optimizer, expected):
    """Of 128 columns of fp16."""
    assert state_row_bytes(optimizer, 128, 2) == expected


STATE = {
    "sgd": lambda dim, each: 0,
    "adagrad": lambda dim, each: dim * each,
    "adam": lambda dim, each: 2 * dim * each,
    "rowwise_adagrad": lambda dim, each: 16,
}
"""Bytes of a row's state, by its columns and the bytes of an element."""

tables_of_a_container = st.lists(
    st.tuples(st.integers(1, 3_000_000), st.sampled_from([4, 12, 128])), min_size=1, max_size=3
)


@settings(max_examples=60, deadline=None)
@given(
    tables=tables_of_a_container,
    budgets=st.lists(st.floats(0, 1.2), min_size=3, max_size=3),
    mode=st.sampled_from(["caching", "hybrid"]),
    evict=st.sampled_from(["lru", "lfu", "none"]),
    bucket=st.sampled_from([16, 64, 128, 1024]),
    slot=st.sampled_from([17, 21, 29]),
    dtype=st.sampled_from(["fp32", "fp16"]),
    optimizer=st.sampled_from([*STATE]),
    devices=st.sampled_from([1, 2, 8]),
    nodes=st.sampled_from([1, 3, 16]),
)
def test_budgets_come_to_what_dynamicemb_makes_of_them(
    tables, budgets, mode, evict, bucket, slot, dtype, optimizer, devices, nodes
):
    """Pooled over the tables of a container, whatever their budgets one by one."""
    each = 4 if dtype == "fp32" else 2
    kept = [
        Kept(rows, dim * each + STATE[optimizer](dim, each), bucket, slot, evict == "none")
        for rows, dim in tables
    ]
    sizes = [int(p * t.rows * t.value_bytes) + 1 for p, t in zip(budgets, kept, strict=False)]
    options = {"evict": evict, "bucket": bucket, "index_bytes": slot}
    case = job(
        *(
            table(f"t{number}", rows, options | {"hbm_for_values": f"{size}B"}, dim=dim)
            for number, ((rows, dim), size) in enumerate(zip(tables, sizes, strict=True))
        ),
        nodes=nodes,
        devices=devices,
        optimizer=optimizer,
        defaults={"dtype": dtype},
        constraints=[{"tables": "*", "kernels": [f"dynamic_{mode}", "dynamic_hbm"]}],
    )
    found = planned(case)
    entries = [found.plan["sparse.ebc"][f"t{number}"] for number in range(len(tables))]
    is_caching = entries[0].dynamic.caching
    expected = container_bytes(kept, nodes * devices, sizes, is_caching)
    for entry, needed in zip(entries, expected, strict=True):
        held_there = {(s.memory_bytes.hbm, s.memory_bytes.ddr) for s in entry.shards}
        assert len(entry.shards) == nodes * devices
        assert held_there == {needed}


@pytest.mark.parametrize("mode", ["hbm", "caching", "hybrid", "host"])
@pytest.mark.parametrize("rows", [1, 5, 128, 1000, 1024 * 16, 1024 * 16 + 1])
def test_each_mode_holds_tables_smaller_than_its_buckets(mode, rows):
    """On sixteen devices; each has buckets for any id, though few ids may come."""
    found = planned(job(table("t", rows, mode)))
    entry = found.plan["sparse.ebc"]["t"]
    assert entry.dynamic.mode == mode
    budget = entry.dynamic.global_hbm_for_values
    expected = container_bytes([Kept(rows, 1536)], 16, [budget], entry.dynamic.caching)
    shards = entry.shards
    assert [(s.memory_bytes.hbm, s.memory_bytes.ddr) for s in shards] == 16 * expected


@given(
    rows=st.integers(1, 10**10),
    devices=st.integers(1, 4096),
    share=st.floats(0.001, 1),
)
def test_the_budget_of_a_plan_gives_the_rows_that_it_counts_with(rows, devices, share):
    """A share in whole buckets, turned into bytes and back as dynamicemb does; never all rows."""
    (found,) = job(table("t", rows)).workload.tables
    layout = DynamicLayout.of(found, Optimizer.ADAM, devices)
    whole = layout.whole_share(share)
    budget = round(whole * layout.all_value_bytes)
    assert 0 < whole < 1
    in_hbm = layout.hbm_rows(budget / layout.all_value_bytes)
    assert in_hbm == -(-round(whole * layout.rows) // 1024) * 1024
