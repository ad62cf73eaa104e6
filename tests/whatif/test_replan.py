"""Plans near old ones, against all placements of tiny problems and against ``diff``."""

from __future__ import annotations

import copy
import time
from dataclasses import replace

import numpy as np
import pytest
from effort import examples
from hypothesis import assume, given, reject
from hypothesis import strategies as st
from near_cases import QUICK, every_placement, old_and_new
from random_specs import specs

from shardplan.build_case import case_of_value
from shardplan.errors import Infeasible, NoPlanFound
from shardplan.plan.diff.plan_diff import diff_plans
from shardplan.plan.verify import verify
from shardplan.planning.drafts import drafts as drafts_module
from shardplan.planning.formulate import formulate
from shardplan.planning.planner import make_plan
from shardplan.solve.outcome import Ending, Outcome
from shardplan.solve.portfolio.portfolio import improve
from shardplan.solve.problem.legality import is_legal
from shardplan.solve.problem.placement import evaluate
from shardplan.solve.reporter import Reporter
from shardplan.solve.search.fares import Fares
from shardplan.solve.search.search_params import SearchParams, SharedParams
from shardplan.solve.settings import Settings
from shardplan.whatif.move_little import move_little
from shardplan.whatif.near.moved_from import MovedFrom
from shardplan.whatif.near.near_drafts import NearDrafts
from shardplan.whatif.relabel import decisions_in
from shardplan.whatif.relocation import Relocation
from shardplan.whatif.replan import replan


@examples(8)
@given(spec=specs(most_tables=2), share=st.sampled_from([0.0, 0.3, 0.6, 1.0]), data=st.data())
def test_no_placement_that_moves_so_little_is_below_the_bound(spec, share, data):
    made = old_and_new(spec, data.draw(st.sampled_from([1, 1, 1.3])))
    assume(made is not None)
    then, old, now = made
    formulation = formulate(now)
    placements = every_placement(formulation.problem)
    assume(placements is not None)
    relocation = Relocation.of(old, now)
    most = relocation.moves(formulation, 0.0).most.max()
    budget = share * most
    count = relocation.moves(formulation, budget).count
    least = relocation.moves(formulation, budget).least
    every = np.arange(formulation.problem.option_count)
    fares = Fares(relocation.moves(formulation, budget).of_unit(every), np.ones(1))
    best = np.inf
    for placement in placements:
        moved = count(placement)
        by_unit = fares.of_items(formulation.problem, placement)
        assert (moved >= by_unit * (1 - 1e-9)).all()
        is_alone = formulation.problem.units[placement.option] == 1
        assert by_unit[is_alone] == pytest.approx(moved[is_alone])
        assert (moved >= least[placement.option] * (1 - 1e-9)).all()
        state = evaluate(formulation.problem, placement)
        if moved.sum() <= budget and state.fits and is_legal(formulation.problem, placement):
            best = min(best, state.objective)
    try:
        plan = replan(old, then, now, budget, QUICK, Reporter())
    except (Infeasible, NoPlanFound):
        reject()
    assert plan.optimality.lower_bound_seconds <= best * (1 + 1e-6)
    assert plan.optimality.objective_seconds >= best * (1 - 1e-6)
    if share == 1.0:
        assert plan.optimality.objective_seconds <= best * 1.05


@examples(8)
@given(spec=specs(most_tables=4), share=st.sampled_from([0.1, 0.5]), data=st.data())
def test_what_moves_is_what_diff_counts_and_within_the_budget(spec, share, data):
    made = old_and_new(spec, data.draw(st.sampled_from([1, 1.3])))
    assume(made is not None)
    then, old, now = made
    budget = share * sum(table.rows * table.dim * 4 for table in now.workload.tables)
    try:
        plan = replan(old, then, now, budget, QUICK, Reporter())
    except (Infeasible, NoPlanFound):
        reject()
    assert plan.moves.moved_bytes == diff_plans(old, plan, now).moved_bytes
    assert plan.moves.moved_bytes <= budget
    assert verify(plan, now) == ()


@examples(6)
@given(spec=specs(most_tables=4))
def test_kept_near_itself_a_plan_moves_nothing(spec):
    made = old_and_new(spec, 1)
    assume(made is not None)
    then, old, now = made
    plan = replan(old, then, now, None, QUICK, Reporter())
    assert (plan.moves.moved_bytes, plan.moves.budget_bytes) == (0, 0)
    assert plan.optimality.objective_seconds <= old.optimality.objective_seconds * (1 + 1e-9)


def test_only_a_new_table_is_placed_when_all_is_kept(study_spec):
    then = case_of_value(study_spec, "old")
    old = make_plan(then, Settings(method="greedy"), Reporter())
    spec = copy.deepcopy(study_spec)
    spec["tables"].append({"name": "fresh", "rows": 1000, "dim": 8})
    now = case_of_value(spec, "new")
    plan = replan(old, then, now, None, QUICK, Reporter())
    diff = diff_plans(old, plan, now)
    assert [table.name for table in diff.tables] == ["fresh"]
    assert diff.tables[0].old is None


@pytest.fixture
def study_spec():
    return {
        "name": "small",
        "batch": {"local": 8192},
        "topology": {"name": "dgx-h100", "nodes": 1},
        "defaults": {"dim": 64},
        "tables": [
            {"name": f"t{i}", "rows": 10 ** (3 + i % 4), "pooling": 10 * i} for i in range(12)
        ],
    }


def test_a_larger_budget_is_no_worse(study_spec):
    then = case_of_value(study_spec, "old")
    old = make_plan(then, Settings(method="greedy-size"), Reporter())
    reached = [
        replan(old, then, then, budget, QUICK, Reporter()).optimality.objective_seconds
        for budget in (0.0, 1e6, 1e9)
    ]
    assert reached[0] == pytest.approx(old.optimality.objective_seconds)
    assert reached == sorted(reached, reverse=True)
    assert reached[2] < reached[0]


def test_a_round_may_last_until_the_time_limit_so_that_no_other_clock_decides(
    study_spec, monkeypatch
):
    then = case_of_value(study_spec, "old")
    old = make_plan(then, Settings(method="greedy-size"), Reporter())
    deadlines = []

    def listening(record, *rest):
        deadlines.append(record.budget.deadline.at_seconds)
        improve(record, *rest)

    monkeypatch.setattr("shardplan.solve.portfolio.limited_relocation.improve", listening)
    begun = time.monotonic()
    asked = Settings(gap=1e-6, time_limit_seconds=1000, effort=0.02)
    plan = replan(old, then, then, 3e8, asked, Reporter())
    assert plan.optimality.termination == "node_limit"
    assert len(deadlines) > 1
    assert len(set(deadlines)) == 1
    assert abs(deadlines[0] - (begun + 1000)) <= time.monotonic() - begun


def test_a_case_is_formulated_by_the_parameters_of_the_search(study_spec):
    """As from nothing: where even few tables are too many, the time limit ends it."""
    then = case_of_value(study_spec, "old")
    old = make_plan(then, Settings(method="greedy-size"), Reporter())
    asked = Settings(time_limit_seconds=0.0, search=SearchParams(shared=SharedParams(few_tables=0)))
    for again in (
        lambda: replan(old, then, then, None, asked, Reporter()),
        lambda: move_little(old, then, then, asked, Reporter()),
        lambda: make_plan(then, asked, Reporter()),
    ):
        with pytest.raises(NoPlanFound, match="ways to shard 12 tables"):
            again()


def test_a_plan_near_an_old_one_is_named_and_built_once(study_spec, monkeypatch):
    case, built = case_of_value(study_spec, "old"), []
    old = make_plan(case, Settings(method="greedy-size"), Reporter())
    formulation = formulate(case)
    mirrored = [
        replace(each, targets=tuple(7 - rank for rank in each.targets))
        for each in decisions_in(old, case)
    ]
    placement, is_placed = formulation.placement(mirrored)
    assert is_placed.all()
    cost = evaluate(formulation.problem, placement).objective
    found = Outcome(placement, cost, 0.0, "none", "start", Ending.TIME_LIMIT, (), ())
    real = drafts_module.build_plan
    monkeypatch.setattr(drafts_module, "build_plan", lambda *given: built.append(1) or real(*given))
    moved = MovedFrom.of(old, Relocation.of(old, case))
    drafts = NearDrafts.of(formulation, Settings(), moved, 0.0, budget_bytes=5.0)
    first = drafts.plan(found)
    better = drafts.plan(replace(found, lower_bound=cost / 2, bound="relaxation"))
    assert len(built) == 1
    assert first.plan == better.plan == old.plan
    assert (better.moves.moved_bytes, better.moves.budget_bytes) == (0, 5)
    assert (first.optimality.gap, better.optimality.gap) == (None, pytest.approx(1.0))
