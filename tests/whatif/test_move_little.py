"""Plans that begin with old ones: what may stay stays, and little is moved for little."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from effort import examples
from hypothesis import assume, given, reject
from hypothesis import strategies as st
from near_cases import QUICK, every_placement, old_and_new
from random_specs import specs

from shardplan.build_case import build_case, case_of_value
from shardplan.errors import Infeasible, NoPlanFound
from shardplan.plan.diff.plan_diff import diff_plans
from shardplan.plan.verify import verify
from shardplan.planning.formulate import formulate
from shardplan.planning.planner import make_plan
from shardplan.solve.portfolio.portfolio import solve
from shardplan.solve.problem.legality import is_legal
from shardplan.solve.problem.placement import evaluate
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.spec.load import load_spec
from shardplan.whatif.move_little import move_little
from shardplan.whatif.relocation import Relocation
from shardplan.whatif.replan import replan

CASES = Path(__file__).parents[1] / "data" / "cases"
SETTINGS = Settings(time_limit_seconds=1e6, node_limit=50, effort=0.1)
HALF = 1_000_000 * 32 * 4 * 3
"""Bytes of half the columns of the case's table: weights and both states of Adam."""


@pytest.fixture(scope="module")
def then():
    return build_case(load_spec(str(CASES / "25-bytes-of-a-move.yaml")))


@pytest.fixture(scope="module")
def now():
    return build_case(load_spec(str(CASES / "25-bytes-of-a-move-b.yaml")))


@pytest.fixture(scope="module")
def old(then):
    return make_plan(then, SETTINGS, Reporter())


def moved_bytes(old, new, case):
    return diff_plans(old, new, case).moved_bytes


def test_a_rank_that_is_kept_keeps_its_half(old, then, now):
    plan = move_little(old, then, now, SETTINGS, Reporter())
    assert moved_bytes(old, plan, now) == HALF
    assert plan.prediction.step_seconds == old.prediction.step_seconds
    assert not verify(plan)


def test_a_budget_of_little_more_than_must_move_is_enough(old, then, now):
    plan = replan(old, then, now, 400e6, SETTINGS, Reporter())
    assert plan.moves.moved_bytes == HALF
    assert not verify(plan)


def test_keeping_moves_only_what_must(old, then, now):
    assert replan(old, then, now, None, SETTINGS, Reporter()).moves.moved_bytes == HALF


def near_plan(old_spec, new_spec, settings=None):
    """An old plan, the case of today, the best plan found for it, and the one near the old."""
    settings = settings or Settings(time_limit_seconds=1e6, effort=0.1)
    then, now = case_of_value(old_spec, "old"), case_of_value(new_spec, "new")
    old = make_plan(then, settings, Reporter())
    best = make_plan(now, settings, Reporter())
    return old, now, best, move_little(old, then, now, settings, Reporter())


@pytest.fixture(scope="module")
def spec37():
    return yaml.safe_load((CASES / "37-one-more-table.yaml").read_text())


def without(spec, *names):
    return spec | {"tables": [table for table in spec["tables"] if table["name"] not in names]}


def gained(best, plan):
    """What the best plan found gains."""
    return plan.optimality.objective_seconds / best.optimality.objective_seconds - 1


@pytest.mark.parametrize("name", ["t10", "t32"])
def test_where_a_table_is_gone_that_costs_little_nothing_moves(spec37, name):
    old, now, best, plan = near_plan(spec37, without(spec37, name))
    assert moved_bytes(old, plan, now) == plan.moves.moved_bytes == 0
    assert gained(best, plan) <= 0.01
    assert not verify(plan)


def test_where_a_costly_table_is_gone_little_moves_to_its_place(spec37):
    """671 MB would do, 1.5 GB are found with so little effort; the best plan moves 16 GB."""
    old, now, best, plan = near_plan(spec37, without(spec37, "t8"))
    assert 0 < moved_bytes(old, plan, now) == plan.moves.moved_bytes
    assert plan.moves.moved_bytes < plan.moves.best.moved_bytes / 8
    assert gained(best, plan) <= 0.01
    assert not verify(plan)


def test_one_more_table_moves_little(spec37):
    """55 MB would do, 154 MB are found with so little effort; the best plan moves 24 GB."""
    old, now, best, plan = near_plan(without(spec37, "t39"), spec37)
    assert 0 < moved_bytes(old, plan, now) == plan.moves.moved_bytes
    assert plan.moves.moved_bytes < plan.moves.best.moved_bytes / 100
    assert gained(best, plan) <= 0.01
    assert not verify(plan)


def test_tables_in_another_order_stay(spec37):
    backwards = spec37 | {"tables": spec37["tables"][::-1]}
    old, now, _, plan = near_plan(spec37, backwards)
    assert moved_bytes(old, plan, now) == 0
    assert plan.optimality.objective_seconds == old.optimality.objective_seconds


def test_a_plan_of_another_number_of_devices_is_a_beginning(spec37):
    few = without(spec37, *(f"t{i}" for i in range(8, 40)))
    quick = Settings(gap=0.1, time_limit_seconds=1e6, effort=0.02)
    more = few | {"topology": {"name": "dgx-h100", "nodes": 2}}
    old, now, best, plan = near_plan(few, more, quick)
    assert moved_bytes(old, plan, now) == plan.moves.moved_bytes
    assert plan.moves.moved_bytes <= moved_bytes(old, best, now)
    assert not verify(plan)


def test_a_plan_that_moves_less_is_within_the_gap_only_where_that_is_proven(spec37):
    _, _, _, plan = near_plan(spec37, without(spec37, "t10"))
    claim = plan.optimality
    assert claim.gap > 0.01
    assert (claim.status, claim.termination) == ("feasible", "finished")
    _, _, _, plan = near_plan(spec37, spec37)
    claim = plan.optimality
    assert claim.gap <= 0.01
    assert (claim.status, claim.termination) == ("within_gap", "gap")


def spec_of(count):
    tables = [
        {"name": f"t{i}", "rows": 300_000 + 40_000 * i, "pooling": 1 + i % 4} for i in range(count)
    ]
    return {
        "name": "near",
        "batch": {"local": 2048},
        "topology": {"name": "dgx-h100", "nodes": 1},
        "training": {"optimizer": "rowwise_adagrad", "exact_updates": True},
        "defaults": {"dim": 64},
        "tables": tables,
    }


def test_one_more_table_moves_nothing_where_that_gains_less_than_the_gap():
    then, now = (case_of_value(spec_of(count), "spec") for count in (8, 9))
    old = make_plan(then, Settings("greedy"), Reporter())
    wide = Settings(gap=0.5, time_limit_seconds=1e6, node_limit=50, effort=0.1)
    plan = move_little(old, then, now, wide, Reporter())
    assert moved_bytes(old, plan, now) == 0
    assert not verify(plan)


def test_a_search_near_the_old_plan_that_the_clock_ended_is_told(old, then, now, monkeypatch):
    """Though the search for the best plan reached its gap: another run may move less."""
    monkeypatch.setattr("shardplan.whatif.near.near._NEAR_SHARE", 0.0)
    plan = move_little(old, then, now, SETTINGS, Reporter())
    assert plan.optimality.termination == "time_limit"
    assert plan.optimality.gap > SETTINGS.gap or plan.optimality.status != "feasible"
    assert verify(plan) == ()


def test_a_search_whose_share_of_the_time_is_over_goes_on(old, then, now, monkeypatch):
    """What is kept for moving less, and not needed, is for the gap."""
    searched = []

    def searching(problem, settings, *others):
        searched.append(settings.time_limit_seconds)
        limited = replace(settings, time_limit_seconds=0.0) if len(searched) == 1 else settings
        return solve(problem, limited, *others)

    monkeypatch.setattr("shardplan.whatif.near.pursuit.solve", searching)
    plan = move_little(old, then, now, SETTINGS, Reporter())
    assert len(searched) == 2
    assert plan.optimality.termination != "time_limit"
    assert plan.optimality.gap <= SETTINGS.gap
    assert verify(plan) == ()


@examples(8)
@given(spec=specs(most_tables=2), factor=st.sampled_from([1, 1.3, 3]))
def test_of_all_tiny_placements_that_are_good_enough_none_moves_much_less(spec, factor):
    made = old_and_new(spec, factor)
    assume(made is not None)
    then, old, now = made
    formulation = formulate(now)
    placements = every_placement(formulation.problem)
    assume(placements is not None and not formulation.problem.is_uneven)
    settings = replace(QUICK, gap=0.05)
    try:
        plan = move_little(old, then, now, settings, Reporter())
    except (Infeasible, NoPlanFound):
        reject()
    best = plan.optimality if plan.moves.best is None else plan.moves.best
    most_seconds = best.objective_seconds * (1 + settings.gap)
    count = Relocation.of(old, now).moves(formulation, 0.0).count
    least = min(
        count(placement).sum()
        for placement in placements
        if (state := evaluate(formulation.problem, placement)).fits
        and state.objective <= most_seconds
        and is_legal(formulation.problem, placement)
    )
    assert plan.optimality.objective_seconds <= most_seconds * (1 + 1e-9)
    assert plan.moves.moved_bytes == least
