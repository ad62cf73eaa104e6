"""Plans that an older shardplan wrote, which knew fewer phases and fewer keys of a spec."""

import json
from pathlib import Path

import pytest

from shardplan.build_case import build_case
from shardplan.errors import InputError, PlanRefused
from shardplan.executor.planned.plan_view import view_plan
from shardplan.explain.numbers.explain import explain
from shardplan.explain.numbers.study import Study
from shardplan.plan.file.provenance import Inputs
from shardplan.plan.file.read import parse_plan, read_plan
from shardplan.plan.file.write import render
from shardplan.plan.stated import accesses_of, training_of
from shardplan.plan.verify import verify
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.spec.load import load_spec

DATA = Path(__file__).parents[1] / "data"
OLD = DATA / "plan" / "before_prefetch.json"
SPEC = DATA / "explain" / "spec.yaml"


def _of_today():
    return json.loads((DATA / "golden" / "old.json").read_text(encoding="utf-8"))


def _as_written_before(value, phase, key):
    """The same plan by a shardplan that knew neither the phase nor the key under ``defaults``."""
    forecast = value["prediction"]
    for phases in (forecast["phases"], *(rank["phases"] for rank in forecast["ranks"])):
        assert phases.pop(phase) == 0
    assert phase not in forecast["overlapped"]
    del value["resolved"]["defaults"][key]
    inputs = Inputs.of(value["resolved"])
    value["inputs"]["spec_sha256"] = inputs.spec_sha256
    return parse_plan(json.dumps(value), "old.json")


def test_a_plan_from_before_the_phase_prefetch_is_explained():
    plan = read_plan(OLD)
    assert "prefetch" not in plan.prediction.phases
    explanation = explain(Study.of(plan, "old.json"))
    assert explanation.step_seconds == plan.prediction.step_seconds
    told = {phase.name: phase.seconds for phase in explanation.phases}
    recorded = dict(plan.prediction.phases)
    assert {name: told[name] for name in recorded} == recorded
    assert told["prefetch"] == 0


def test_a_plan_from_before_the_phase_prefetch_is_not_stale_for_that():
    found = verify(read_plan(OLD))
    assert {finding.code for finding in found} <= {"shard_memory", "prediction"}
    assert not [finding for finding in found if "phases" in finding.where.split(".")[1:2]]


@pytest.mark.parametrize("against", [None, SPEC], ids=["by itself", "against its spec"])
def test_a_plan_that_lacks_what_came_up_later_and_is_right_otherwise_verifies(against):
    plan = _as_written_before(_of_today(), "prefetch", "ids")
    case = build_case(load_spec(against)) if against else None
    newer = parse_plan(json.dumps(_of_today()), "new.json")
    assert verify(plan, case) == verify(newer, case)


def test_reading_an_old_plan_leaves_the_file_as_it_is():
    assert render(read_plan(OLD)) == OLD.read_text(encoding="utf-8")


def _as_of_format_1_0(value):
    """The same plan by a shardplan that stated neither ``training`` nor each table's access."""
    del value["training"]
    for table in value["tables"]:
        del table["access"]
    return parse_plan(json.dumps(value | {"format_version": "1.0"}), "old.json")


def _solved():
    case = build_case(load_spec(SPEC))
    return make_plan(case, Settings("greedy"), Reporter())


def test_what_an_old_plan_does_not_state_is_read_from_its_spec():
    plan = _solved()
    older = _as_of_format_1_0(json.loads(render(plan)))
    assert (older.training, {table.access for table in older.tables}) == (None, {None})
    assert training_of(older) == plan.training
    assert accesses_of(older) == {(t.module, t.name): t.access for t in plan.tables}


def test_an_old_plan_runs_and_verifies_as_a_new_one_does():
    plan = _solved()
    older = _as_of_format_1_0(json.loads(render(plan)))
    assert view_plan(older) == view_plan(plan)
    assert verify(older) == verify(plan) == ()


def test_a_plan_that_nobody_says_how_to_train_does_not_run():
    value = json.loads(OLD.read_text(encoding="utf-8"))
    value["resolved"]["training"]["optimizer"] = "unheard of"
    value["inputs"] = Inputs.of(value["resolved"]).model_dump()
    plan = parse_plan(json.dumps(value), "old.json")
    assert training_of(plan) is None
    with pytest.raises(PlanRefused, match="does not say how its tables are trained"):
        view_plan(plan)


def test_a_phase_that_took_time_is_missed():
    value = _of_today()
    for rank in value["prediction"]["ranks"]:
        del rank["phases"]["lookup_forward"]
    found = [str(finding) for finding in verify(parse_plan(json.dumps(value), "plan.json"))]
    assert any(
        line.startswith("prediction: prediction.ranks[0].phases.lookup_forward: is 0.0 s; ")
        for line in found
    )


def test_a_phase_that_the_cost_model_does_not_know_is_refused():
    value = _of_today()
    for rank in value["prediction"]["ranks"]:
        rank["phases"]["novelty"] = 0.0
    plan = parse_plan(json.dumps(value), "plan.json")
    with pytest.raises(InputError, match="do not have the cost model's phases"):
        Study.of(plan, "plan.json")
