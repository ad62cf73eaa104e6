"""A plan taken up again: its bound holds for the same inputs alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardplan.build_case import build_case
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.spec.fields.amount import Amount
from shardplan.spec.load import load_spec
from shardplan.whatif.resume import resume

SPEC = Path(__file__).parents[1] / "data" / "explain" / "spec.yaml"
ENDLESS = 1e6


@pytest.fixture(scope="module")
def case():
    return build_case(load_spec(str(SPEC)))


@pytest.fixture(scope="module")
def earlier(case):
    settings = Settings(gap=0.0, time_limit_seconds=ENDLESS, node_limit=5, effort=0.02)
    return make_plan(case, settings, Reporter())


def claiming(plan, **changes):
    return plan.model_copy(update={"optimality": plan.optimality.model_copy(update=changes)})


def test_plan_and_bound_are_where_the_next_search_begins(case, earlier):
    found = resume(earlier, case, case)
    assert found.doubt == ""
    settings = Settings("greedy", time_limit_seconds=ENDLESS)
    plan = make_plan(case, settings, Reporter(), found.decisions, proven=found.proven)
    assert plan.optimality.objective_seconds <= earlier.optimality.objective_seconds
    assert plan.optimality.lower_bound_seconds >= earlier.optimality.lower_bound_seconds


def test_under_other_inputs_the_bound_does_not_hold(case, earlier):
    kept = {"hbm": Amount(fraction=0.01)}
    other = case.with_(reserve=case.spec.reserve.model_copy(update=kept))
    found = resume(earlier, case, other)
    assert found.proven is None
    assert found.doubt == "the plan was made from another spec"
    assert found.decisions


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"objective_seconds": 1.0}, "the plan does not cost what it claims"),
        ({"lower_bound_seconds": 1.0}, "the plan's bound is above its objective"),
    ],
)
def test_a_claim_that_cannot_be_is_not_believed(case, earlier, changes, doubt):
    found = resume(claiming(earlier, **changes), case, case)
    assert found.doubt == doubt
    assert found.proven is None
