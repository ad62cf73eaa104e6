"""Measurements are held beside the plan that was measured, and beside no other."""

import json

import pytest
from test_beside_measured import measured

from shardplan.errors import InputError
from shardplan.plan.file.fingerprint import fingerprint_of_job
from shardplan.plan.file.measured import Measured

OTHER = "0" * 64


def refusals(study, tmp_path, value):
    """Where a file is refused, and why."""
    path = tmp_path / "measured.json"
    path.write_text(json.dumps(value))
    with pytest.raises(InputError) as refused:
        Measured.read(str(path), study.plan)
    assert all(fault.line for fault in refused.value.diagnostics)
    return {fault.path: fault.message for fault in refused.value.diagnostics}


def test_a_file_of_this_plan_is_taken(study, tmp_path):
    training = study.plan.training
    value = {
        "plan": "under another name",
        "plan_sha256": fingerprint_of_job(study.plan),
        "world_size": study.plan.world_size,
        "samples": training.local_batch,
        "phases": {"of_another_cost_model": 1.0},
    }
    path = tmp_path / "measured.json"
    path.write_text(json.dumps(value))
    assert Measured.read(str(path), study.plan) == measured(tmp_path, value)


def test_predictions_and_solvers_do_not_make_another_job(study):
    plan = study.plan
    other = plan.model_copy(
        update={
            "optimality": plan.optimality.model_copy(update={"gap": 0.5}),
            "prediction": plan.prediction.model_copy(update={"step_seconds": 1.0}),
        }
    )
    assert fingerprint_of_job(other) == fingerprint_of_job(plan)
    moved = plan.model_copy(update={"local_world_size": 1})
    assert fingerprint_of_job(moved) != fingerprint_of_job(plan)


def test_another_plan_another_world_size_and_another_batch_are_refused(study, tmp_path):
    run = {"step_seconds": 1.0}
    assert refusals(study, tmp_path, run | {"plan_sha256": OTHER}) == {
        "plan_sha256": "another plan was measured"
    }
    found = refusals(study, tmp_path, run | {"plan_sha256": OTHER, "world_size": 64, "samples": 3})
    assert found["world_size"] == "measured over 64 ranks; the plan has 4"
    assert found["samples"].startswith("measured with 3 samples of a rank; the plan is for ")


def test_older_files_may_not_speak_of_ranks_and_phases_that_the_plan_lacks(study, tmp_path):
    value = {
        "phases": {"lookup_forward": 1.0, "lookup_backward": 1.0},
        "ranks": [
            {"rank": 4, "phases": {"dense": 1.0}},
            {"rank": 1, "phases": {"unheard_of": 1.0}},
            {"rank": 1},
        ],
    }
    assert refusals(study, tmp_path, value) == {
        "phases.lookup_backward": "the plan has no phase 'lookup_backward'",
        "ranks[0].rank": "there is no rank 4 in a plan of 4 ranks",
        "ranks[1].phases.unheard_of": "the plan has no phase 'unheard_of'",
        "ranks[2].rank": "rank 1 stands here twice",
    }


def test_an_older_file_of_a_plan_of_another_name_is_refused(study, tmp_path):
    found = refusals(study, tmp_path, {"plan": "large", "step_seconds": 1.0})
    assert found == {"plan": f"'large' was measured; the plan is {study.plan.name!r}"}


def test_a_tier_that_no_plan_has_is_refused(study, tmp_path):
    value = {"ranks": [{"rank": 0, "memory_bytes": {"hbm": 1, "hmb": 1}}]}
    found = refusals(study, tmp_path, value)
    assert found == {"ranks[0].memory_bytes.hmb": "there is no tier 'hmb'"}
