"""Why there is no plan, and what would give one: every fact is needed, every remedy works."""

from __future__ import annotations

import copy
import re

import pytest

from shardplan.build_case import case_of_value
from shardplan.errors import Infeasible
from shardplan.planning.planner import make_plan
from shardplan.solve.deadline import Deadline
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.whatif.conflict import conflict
from shardplan.whatif.remedies.remedies import remedies
from shardplan.whatif.trials import Trials

SPEC = {
    "name": "tight",
    "batch": {"global": 4096},
    "topology": {"name": "dgx-h100", "nodes": 1},
    "training": {"optimizer": "adam"},
    "defaults": {"dim": 128},
    "tables": [
        {"name": "user_id", "rows": 400_000_000},
        {"name": "item_id", "rows": 20_000_000, "pooling": 20},
        {"name": "small", "rows": 1000},
    ],
    "constraints": [
        {"tables": "*_id", "kernels": ["fused"]},
        {"tables": "small", "sharding": "table_wise"},
    ],
}
QUICK = Settings(method="greedy", time_limit_seconds=1e6)


def plan_of(spec):
    return make_plan(case_of_value(spec, "spec"), QUICK, Reporter())


@pytest.fixture(scope="module")
def case():
    return case_of_value(SPEC, "spec")


def trials(case):
    return Trials(case, Deadline.after(30))


def test_the_facts_leave_no_plan_and_each_is_needed(case):
    facts = conflict(trials(case))
    assert [fact.split(":")[0] for fact in facts[:2]] == ["table user_id", "constraints[0]"]
    assert "hbm each" in facts[2]
    core = copy.deepcopy(SPEC) | {
        "tables": SPEC["tables"][:1],
        "constraints": SPEC["constraints"][:1],
    }
    with pytest.raises(Infeasible):
        plan_of(core)
    assert plan_of(core | {"constraints": []})
    assert plan_of(copy.deepcopy(SPEC) | {"tables": SPEC["tables"][1:]})


def test_of_very_many_constraints_those_that_are_needed_are_found_in_halves():
    """Without time, they are counted."""
    many = [SPEC["constraints"][1]] * 30 + [SPEC["constraints"][0]] + [SPEC["constraints"][1]] * 31
    case = case_of_value(copy.deepcopy(SPEC) | {"constraints": many}, "spec")
    facts = conflict(trials(case))
    assert [fact.split(":")[0] for fact in facts[:2]] == ["table user_id", "constraints[30]"]
    facts = conflict(Trials(case, Deadline.after(0)))
    assert "62 of 62 constraints, or fewer" in facts
    assert len(facts) == 5


def test_what_no_memory_could_cure_does_not_name_memory():
    """Two tables that must both lie on rank 0, and apart."""
    spec = copy.deepcopy(SPEC) | {
        "tables": [{"name": name, "rows": 1000} for name in "abc"],
        "constraints": [
            {"tables": ["a", "b"], "ranks": [0]},
            {"tables": ["a", "b"], "apart": True},
        ],
    }
    case = case_of_value(spec, "spec")
    facts = conflict(trials(case))
    assert [fact.split(":")[0] for fact in facts] == [
        "table a", "table b", "constraints[0]", "constraints[1]",
    ]  # fmt: skip
    found = [remedy.words for remedy in remedies(trials(case))]
    assert found == [
        "without ranks in constraints[0], for a, b",
        "without apart in constraints[1], for a, b",
    ]


def test_every_remedy_gives_a_plan_and_the_smallest_change_comes_first(case):
    found = remedies(trials(case))
    assert [remedy.change for remedy in found] == sorted(remedy.change for remedy in found)
    words = [remedy.words for remedy in found]
    assert len(words) == 5
    spec = copy.deepcopy(SPEC)
    for each in words:
        changed = copy.deepcopy(spec)
        if "constraints[0]" in each:
            del changed["constraints"][0]
        elif "fp16 weights of user_id" in each:
            changed["tables"][0]["dtype"] = "fp16"
        elif reserve := re.match(r"a reserve of ([\d.]+)% instead of 15% of hbm", each):
            changed["reserve"] = {"hbm": f"{reserve[1]}%"}
        elif "rowwise_adagrad" in each:
            changed["training"]["optimizer"] = "rowwise_adagrad"
        else:
            assert "1 more node" in each
            changed["topology"]["nodes"] = 2
        assert plan_of(changed), each


def test_half_a_percent_more_reserve_leaves_no_plan(case):
    words = next(r.words for r in remedies(trials(case)) if "reserve" in r.words)
    percent = float(re.search(r"([\d.]+)%", words)[1])
    with pytest.raises(Infeasible):
        plan_of(copy.deepcopy(SPEC) | {"reserve": {"hbm": f"{percent + 0.5}%"}})


def test_a_trial_that_the_clock_ended_is_no_answer(case, monkeypatch):
    """Of reserves from 5% on it is open whether there is a plan."""

    def answer(self, changed):
        tried = changed()
        reserve = tried.spec.reserve.hbm.fraction
        if tried.topology.nodes > 1 or reserve == case.spec.reserve.hbm.fraction:
            return tried.topology.nodes > 2 or None
        return reserve < 0.05 or None

    monkeypatch.setattr(Trials, "_answer", answer)
    words = [remedy.words for remedy in remedies(trials(case))]
    assert "a reserve of 4.5%, perhaps more, instead of 15% of hbm" in words
    assert any(each.startswith("2 more nodes, perhaps fewer, of this kind (3)") for each in words)


def test_facts_of_which_some_were_not_tried_without_are_told_so(case, monkeypatch):
    monkeypatch.setattr(Trials, "_answer", lambda self, changed: None)
    facts = conflict(trials(case))
    assert [fact.split(":")[0] for fact in facts[:3]] == [
        "table user_id",
        "table item_id",
        "table small",
    ]
    assert facts[-1].startswith("or fewer of these")


def test_without_time_nothing_is_claimed(case):
    over = Trials(case, Deadline.after(0))
    assert remedies(over) == ()
    assert over.has_plan(lambda: case) is None
