"""Plans that begin with old ones: what may stay stays, and little is moved for little."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardplan.case import build_case, case_of_value
from shardplan.plan.diff.plan_diff import diff_plans
from shardplan.plan.verify import verify
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.spec.load import load_spec
from shardplan.whatif.move_little import move_little
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
    monkeypatch.setattr("shardplan.whatif.move_little._NEAR_SHARE", 0.0)
    plan = move_little(old, then, now, SETTINGS, Reporter())
    assert plan.optimality.termination == "time_limit"
    assert plan.optimality.gap > SETTINGS.gap or plan.optimality.status != "feasible"
