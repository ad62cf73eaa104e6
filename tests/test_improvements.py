"""Plans that a solve tells of on its way."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from shardplan.build_case import build_case
from shardplan.cli.solving.improving_plan import ImprovingPlan
from shardplan.errors import NoPlanFound
from shardplan.plan.file.claim import Claim
from shardplan.plan.file.read import read_plan
from shardplan.plan.file.write import render
from shardplan.plan.verify import verify
from shardplan.planning.improvements import Improvements
from shardplan.planning.planner import make_plan
from shardplan.solve.deadline import Deadline
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.spec.load import load_spec

SPEC = Path(__file__).parent / "data" / "explain" / "spec.yaml"
EFFORT = Settings(gap=0.0, time_limit_seconds=1e6, node_limit=5, effort=0.02)


@pytest.fixture(scope="module")
def case():
    return build_case(load_spec(str(SPEC)))


@pytest.fixture(scope="module")
def greedy(case):
    return make_plan(case, Settings("greedy-dim"), Reporter())


@pytest.fixture(scope="module")
def best(case):
    return make_plan(case, EFFORT, Reporter())


def without_run(plan):
    return plan.model_dump(mode="json", exclude={"run"})


def test_plans_on_the_way_verify_and_change_nothing_about_the_last(case, best):
    told = []
    last = make_plan(case, EFFORT, Reporter(), on_plan=told.append)
    assert told
    assert not any(map(verify, told))
    assert {plan.optimality.termination for plan in told} == {"interrupted"}
    objectives = [plan.optimality.objective_seconds for plan in told]
    assert objectives == sorted(objectives, reverse=True)
    assert last.optimality.objective_seconds <= objectives[-1]
    assert without_run(last) == without_run(best)


def listening(built, seconds=0.0, should_stop=lambda: False):
    """Improvements of a search by a clock of our own; ``built`` are the plans that it makes."""
    now, told, plans = [0.0], [], iter(built)

    def build(outcome):
        plan = next(plans)
        if plan is None:
            raise NoPlanFound("none")
        return plan

    def clock():
        return now[0]

    deadline = Deadline.after(100.0, clock)
    given = {"clock": clock, "seconds": seconds, "should_stop": should_stop}
    return Improvements(Reporter(), build, told.append, deadline, **given), now, told


def test_the_first_is_told_at_once_and_the_next_after_a_second(greedy, best):
    found, now, told = listening([greedy, best])
    found.found(lambda: None)
    assert told == [greedy]
    now[0] = 0.9
    found.found(lambda: None)
    found.ticking()
    assert told == [greedy]
    now[0] = 1.0
    found.ticking()
    assert told == [greedy, best]


def test_what_cannot_be_built_or_does_not_verify_is_passed_over(greedy, best):
    forged = greedy.model_copy(update={"world_size": 3})
    found, now, told = listening([None, forged, best])
    for seconds in (0.0, 1.0, 2.0):
        now[0] = seconds
        found.found(lambda: None)
    assert told == [best]


def test_nothing_is_begun_when_time_is_up(greedy):
    found, now, told = listening([greedy])
    now[0] = 100.0
    found.found(lambda: None)
    assert told == []


def test_the_first_is_not_begun_when_it_would_hardly_be_done_in_time(greedy):
    found, now, told = listening([greedy], seconds=60.0)
    now[0] = 41.0
    found.found(lambda: None)
    assert told == []
    now[0] = 39.0
    found.ticking()
    assert told == [greedy]


def test_what_is_built_when_the_user_has_had_enough_is_left_to_the_last_plan(greedy, monkeypatch):
    stopped = []
    predicted = []
    monkeypatch.setattr(sys.modules[verify.__module__], "predict", lambda *_: predicted.append(1))
    plans = (stopped.append(1) or plan for plan in [greedy])
    found, _, told = listening(plans, should_stop=lambda: bool(stopped))
    found.found(lambda: None)
    assert (stopped, told, predicted) == ([1], [], [])


def test_each_plan_takes_the_place_of_the_one_before(tmp_path, greedy, best):
    path, said = tmp_path / "plan.json", []
    file = ImprovingPlan(str(path), said.append)
    file.put(greedy)
    assert without_run(read_plan(path)) == without_run(greedy)
    file.put(best)
    assert without_run(read_plan(path)) == without_run(best)
    assert all(f"written to {path}" in line for line in said)
    assert "gap" in said[0]
    assert "step" in said[0]


def test_a_better_plan_of_the_same_inputs_stays_until_the_end(tmp_path, greedy, best):
    path, said = tmp_path / "plan.json", []
    ImprovingPlan(str(path), said.append).put(best)
    before = path.read_bytes()
    ImprovingPlan(str(path), said.append).put(greedy)
    assert path.read_bytes() == before
    assert "written" not in said[-1]


def test_a_file_that_was_never_whole_or_is_no_plan_is_replaced(tmp_path, greedy, best):
    path = tmp_path / "plan.json"
    text = render(best)
    for broken in ("", "{}\n", text[: len(text) // 2], text + text):
        path.write_text(broken)
        ImprovingPlan(str(path), lambda _: None).put(greedy)
        assert without_run(read_plan(path)) == without_run(greedy)


def test_what_a_file_claims_is_what_its_plan_claims_however_it_is_laid_out(tmp_path, best):
    path, text = tmp_path / "plan.json", render(best)
    for same in (text, json.dumps(json.loads(text)), json.dumps(json.loads(text), indent=4)):
        path.write_text(same)
        claim = Claim.in_file(path)
        assert (claim.inputs, claim.optimality) == (best.inputs, best.optimality)
    assert Claim.in_file(tmp_path / "missing") is None


def test_stdout_gets_no_plan_but_the_last(capsys, greedy):
    said = []
    ImprovingPlan("-", said.append).put(greedy)
    assert capsys.readouterr().out == ""
    assert said
