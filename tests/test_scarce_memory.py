"""Specs whose memory is nearly full: a plan that fits is found, and it is a good one."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardplan.build_case import build_case
from shardplan.errors import Infeasible
from shardplan.plan.verify import verify
from shardplan.planning.planner import make_plan
from shardplan.solve.deadline import Deadline
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.spec.fields.amount import Amount
from shardplan.spec.load import load_spec
from shardplan.whatif import trials
from shardplan.whatif.remedies.remedies import remedies
from shardplan.whatif.trials import Trials

CASES = Path(__file__).parent / "data" / "cases"
ENDLESS = 1e6


def case_of(name):
    return build_case(load_spec(str(CASES / name)))


def reserving(case, percent):
    kept = {"hbm": Amount(fraction=percent / 100)}
    return case.with_(reserve=case.spec.reserve.model_copy(update=kept))


def test_a_few_huge_tables_beside_little_hbm_begin_with_a_good_plan():
    """The relaxation cuts one table by rows and half leaves no room for the units of another."""
    plan = make_plan(
        case_of("scarce-hbm.yaml"), Settings("greedy", time_limit_seconds=ENDLESS), Reporter()
    )
    assert plan.optimality.gap < 0.1
    assert not verify(plan)


def test_what_fits_into_nearly_full_memory_is_found():
    case = reserving(case_of("17-terabyte-8x32.yaml"), 11.5)
    plan = make_plan(case, Settings(gap=1e9, time_limit_seconds=ENDLESS), Reporter())
    assert not verify(plan)
    with pytest.raises(Infeasible):
        make_plan(reserving(case, 12), Settings(time_limit_seconds=ENDLESS), Reporter())


def test_the_largest_reserve_that_leaves_a_plan_is_found_by_trying(monkeypatch):
    monkeypatch.setattr(trials, "_SECONDS_EACH", ENDLESS)
    found = remedies(Trials(case_of("17-terabyte-8x32.yaml"), Deadline.after(ENDLESS)))
    assert found[0].words == "a reserve of 11.5% instead of 15% of hbm"
