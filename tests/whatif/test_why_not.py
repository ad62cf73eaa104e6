"""What a forced choice costs, against plans solved with the choice written into the spec."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from effort import examples
from hypothesis import given, reject
from hypothesis import strategies as st
from random_specs import TOPOLOGY, specs

from shardplan.build_case import case_of_value
from shardplan.errors import Infeasible, NoPlanFound
from shardplan.explain.numbers.study import Study
from shardplan.explain.render.terminal import render_terminal
from shardplan.explain.report.why_not_report import why_not_report
from shardplan.plan.decision import Decision
from shardplan.plan.predict import predict
from shardplan.planning.formulate import formulate
from shardplan.planning.planner import make_plan
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.solve.problem.legality import is_legal
from shardplan.solve.problem.placement import Placement, evaluate
from shardplan.solve.reporter import Reporter
from shardplan.solve.search.refit import refit
from shardplan.solve.settings import Settings
from shardplan.whatif.choice import Choice, ChoiceError
from shardplan.whatif.why_not import why_not

HBM = TOPOLOGY["device"] | {"hbm": {"capacity": "1GB", "read": "1TB/s"}}
SPEC = {
    "name": "small",
    "batch": {"local": 2048},
    "topology": TOPOLOGY | {"device": HBM},
    "tables": [
        {"name": "user", "rows": 10_000_000, "dim": 16},
        {"name": "item", "rows": 10_000_000, "dim": 16},
        {"name": "history", "rows": 400_000, "dim": 8, "pooling": 50},
        {"name": "country", "rows": 250, "dim": 16, "pooling": 4},
    ],
    "constraints": [
        {"tables": "item", "ranks": [1]},
        {"tables": ["user", "item"], "kernels": ["fused", "dense"]},
    ],
}
"""Small enough to be solved to proven optimality."""
WHOLE = ShardingType.TABLE_WISE
PROVEN = Settings(gap=1e-5, time_limit_seconds=60)


@pytest.fixture(scope="module")
def study():
    plan = make_plan(case_of_value(SPEC, "spec"), PROVEN, Reporter())
    assert plan.optimality.status == "optimal"
    return Study.of(plan, "plan.json")


def ask(study, text, limits=PROVEN):
    choice = Choice.parse(text, study.case)
    return why_not(study.plan, study.case, study.ledger.decisions, choice, limits, Reporter())


def forced_by_the_spec(study, name, **demand):
    """The plan of a spec that has the choice as a constraint."""
    spec = copy.deepcopy(study.plan.resolved)
    spec["constraints"] = [*spec.get("constraints", ()), {"tables": name, **demand}]
    return make_plan(case_of_value(spec, "spec"), PROVEN, Reporter())


@pytest.mark.parametrize(
    ("text", "name", "demand"),
    [
        ("history=table_wise", "history", {"sharding": "table_wise"}),
        ("country=table_row_wise", "country", {"sharding": "table_row_wise"}),
        ("history=fused_uvm", "history", {"kernels": "fused_uvm"}),
        ("user@rank2", "user", {"ranks": [2]}),
        ("history@node1", "history", {"ranks": [2, 3]}),
    ],
)
def test_the_numbers_are_those_of_a_forced_solve(study, text, name, demand):
    found = ask(study, text)
    forced = forced_by_the_spec(study, name, **demand)
    assert found.resolved.diff.new_step_seconds == pytest.approx(
        forced.prediction.step_seconds, rel=2e-5
    )
    assert found.resolved.diff.new_lower_bound_seconds == pytest.approx(
        forced.optimality.lower_bound_seconds, rel=2e-5
    )
    assert found.resolved.diff.old_step_seconds == study.plan.prediction.step_seconds
    if found.fixed and not found.fixed.breaches:
        reached = found.fixed.diff.new_step_seconds
        assert found.resolved.diff.new_step_seconds <= reached * (1 + 1e-9)


def test_with_all_else_fixed_only_the_table_moves(study):
    found = ask(study, "history@rank2")
    assert [table.name for table in found.fixed.diff.tables] == ["history"]
    assert found.fixed.diff.tables[0].new.ranks == (2,)


@examples(12)
@given(spec=specs(most_tables=4), data=st.data())
def test_refit_finds_the_best_place_of_a_unit(spec, data):
    """Against every option with one unit at every place, each evaluated from nothing."""
    case = case_of_value(spec, "spec")
    try:
        problem = formulate(case).problem
        plan = make_plan(case, Settings(method="greedy"), Reporter())
    except (Infeasible, NoPlanFound):
        reject()
    formulation = formulate(case)
    decisions = Study.of(plan, "plan", case).ledger.decisions
    placement, is_placed = formulation.placement(decisions)
    assert is_placed.all()
    assert formulation.decisions(placement) == decisions
    item = data.draw(st.integers(0, problem.item_count - 1))
    found = refit(problem, placement, item)
    state = evaluate(problem, found.placement)
    assert (state.fits, state.objective) == (found.fits, pytest.approx(found.objective))
    assert found.fits
    assert is_legal(problem, found.placement)
    others = np.arange(problem.item_count) != item
    assert (found.placement.option == placement.option)[others].all()
    for option in problem.options_of(item):
        if problem.units[option] == 1:
            places = {0: problem.device_count, 1: problem.node_count, 2: 0}[problem.shape[option]]
            for place in range(places) if places else [None]:
                trial = _moved(placement, problem, item, option, place)
                if evaluate(problem, trial).fits and is_legal(problem, trial):
                    objective = evaluate(problem, trial).objective
                    assert found.objective <= objective * (1 + 1e-9)


def _moved(placement, problem, item, option, place):
    targets = [placement.targets_of(i) for i in range(problem.item_count)]
    targets[item] = np.array([] if place is None else [place], dtype=np.int64)
    options = placement.option.copy()
    options[item] = option
    return Placement.of(options, targets)


def test_names_the_memory_that_a_choice_overflows(study):
    """User and item, 680 MB each, do not fit together into the 850 MB of a device."""
    found = ask(study, "user@rank1")
    decisions = [Decision(0, WHOLE, Kernel.FUSED, 1, (1,)), *study.ledger.decisions[1:]]
    needed = predict(study.case, decisions).rank_memory_bytes[1, 0]
    (breach,) = found.fixed.breaches
    assert (breach.owner, breach.tier) == ("rank 1", "hbm")
    assert breach.needs_bytes == pytest.approx(needed, abs=2)
    assert found.resolved is None
    assert found.shortfalls


def test_what_the_plan_has_already_is_said_to_be_so(study):
    decision = study.ledger.decisions[0]
    found = ask(study, f"user={decision.sharding}")
    assert (found.is_made, found.fixed, found.resolved) == (True, None, None)
    assert "so it is in this plan" in render_terminal(why_not_report(found))


def test_what_cannot_be_is_said_with_its_reason(study):
    found = ask(study, "country=key_value")
    assert (found.fixed, found.resolved) == (None, None)
    assert found.shortfalls[0].resource == "legal ways to shard it"
    assert "no plan can have it" in render_terminal(why_not_report(found))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("user", "cannot read"),
        ("use=row_wise", "did you mean 'user'"),
        ("user=row_wize", "did you mean 'row_wise'"),
        ("user@rank4", "ranks are 0 to 3"),
        ("user@3", "cannot read the place"),
        ("=row_wise", "cannot read"),
    ],
)
def test_a_choice_that_cannot_be_read_is_refused(study, text, message):
    with pytest.raises(ChoiceError, match=message):
        Choice.parse(text, study.case)


def test_names_may_hold_the_signs(study):
    spec = copy.deepcopy(study.plan.resolved)
    spec["tables"][3]["name"] = "a=b@c"
    case = case_of_value(spec, "spec")
    assert Choice.parse("a=b@c=row_wise", case).table == 3
    assert Choice.parse("a=b@c@rank1", case).ranks == (1,)
