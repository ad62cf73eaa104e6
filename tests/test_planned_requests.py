"""Plans of features with batches of their own size, from the spec to what is told of them."""

from __future__ import annotations

import pytest

from shardplan import Settings, load, plan, verify
from shardplan.explain.numbers.study import Study
from shardplan.explain.numbers.table_detail import table_detail
from shardplan.explain.report.detail_report import table_report
from shardplan.plan.file.read import parse_plan
from shardplan.plan.file.write import render

SPEC = {
    "batch": {"local": 1024, "features": {"user_*": 0.1}},
    "topology": {"name": "dgx-h100", "nodes": 1},
    "tables": [
        {"name": "user_id", "rows": 1_000_000, "dim": 64, "pooling": 20},
        {"name": "item_id", "rows": 1_000_000, "dim": 64},
    ],
    "constraints": [{"tables": "*", "sharding": ["table_wise"]}],
}


@pytest.fixture(scope="module")
def case():
    return load(SPEC)


@pytest.fixture(scope="module")
def planned(case):
    return plan(case, Settings(method="greedy"))


def test_a_plan_states_the_shares_and_is_right(planned):
    again = parse_plan(render(planned), "plan.json")
    assert [table.batch_shares for table in again.tables] == [(0.1,), ()]
    assert verify(again) == ()


def test_other_shares_than_the_spec_has_are_found(planned):
    first, second = planned.tables
    changed = first.model_copy(update={"batch_shares": (0.2,)})
    (found, *_) = verify(planned.model_copy(update={"tables": (changed, second)}))
    assert found.where == "tables[0].batch_shares"
    assert "has [0.2]; in the spec it is [0.1]" in found.message


def test_a_table_is_told_with_its_share(case, planned):
    title = table_report(table_detail(Study.of(planned, "plan.json", case), "user_id")).title
    assert "20 ids per sample of user_id (0.1 of the batch)" in title


def test_requests_take_less_than_all_their_samples(planned):
    whole = {**SPEC, "batch": {"local": 1024}}
    all_samples = plan(load(whole), Settings(method="greedy"))
    ours, theirs = (each.prediction.phases for each in (planned, all_samples))
    assert ours["lookup_forward"] < theirs["lookup_forward"]
    assert ours["ids_comm"] < theirs["ids_comm"]
