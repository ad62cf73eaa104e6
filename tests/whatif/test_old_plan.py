"""An old plan under another spec."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from shardplan.build_case import build_case, case_of_value
from shardplan.explain.numbers.study import Study
from shardplan.plan.predict import predict
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.spec.load import load_spec
from shardplan.whatif.old_plan import carry, cost_under

SPEC = Path(__file__).parents[1] / "data" / "explain" / "spec.yaml"


@pytest.fixture(scope="module")
def case():
    return build_case(load_spec(str(SPEC)))


@pytest.fixture(scope="module")
def plan(case):
    return make_plan(case, Settings(method="greedy"), Reporter())


def changed(case, **keys):
    """The case with other rows, or other keys, for the table ``history``."""
    spec = copy.deepcopy(case.resolved)
    table = next(t for t in spec["tables"] if t["name"] == "history")
    table.update(keys)
    return case_of_value(spec, "spec")


def test_under_its_own_spec_a_plan_costs_what_it_says(plan, case):
    found = cost_under(plan, case, case)
    assert found.step_seconds == pytest.approx(plan.prediction.step_seconds, rel=1e-8)
    assert (found.lost, found.breaches) == ((), ())


def test_rows_that_grew_are_cut_anew_in_the_same_way(plan, case):
    now = changed(case, rows=5_000_000)
    carried = carry(plan, case, now)
    assert carried.decisions == Study.of(plan, "plan").ledger.decisions
    assert cost_under(plan, case, now).step_seconds == predict(now, carried.decisions).step_seconds


def test_what_no_longer_fits_is_told(plan, case):
    found = cost_under(plan, case, changed(case, rows=2_000_000_000))
    assert found.breaches
    assert all(breach.needs_bytes > breach.usable_bytes for breach in found.breaches)


def test_new_tables_have_no_place(plan, case):
    assert cost_under(plan, case, changed(case, name="future")).lost == ("future",)


def test_a_smaller_cluster_loses_what_lay_beyond_it(plan, case):
    spec = copy.deepcopy(case.resolved)
    spec["topology"]["nodes"] = 1
    now = case_of_value(spec, "spec")
    for decision in carry(plan, case, now).decisions:
        assert max(decision.targets, default=0) < now.topology.world_size


def test_a_dynamic_table_of_fewer_rows_than_dealt_to_all_devices_keeps_its_place():
    """Rows are dealt, not cut: ranks of whose block none is left have some all the same."""
    case = case_of_value(
        {
            "batch": {"local": 64},
            "topology": {"name": "dgx-h100", "nodes": 2},
            "tables": [{"name": "few", "rows": 100, "dim": 64, "dynamic": "hybrid"}],
        },
        "spec",
    )
    plan = make_plan(case, Settings(method="greedy"), Reporter())
    assert cost_under(plan, case, case).lost == ()
