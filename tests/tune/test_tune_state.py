"""What a folder knows of a tuning goes together, or is refused at the place that does not."""

from __future__ import annotations

import json

import pytest

from shardplan.errors import InputError
from shardplan.tune.folder.tune_folder import TuneFolder
from shardplan.tune.folder.tune_state import JobFacts

JOB = JobFacts(spec_sha256="", command="")
PLAN = {"name": "a", "origin": "x", "round": 1, "predicted_seconds": 1.0}
RUN = {"candidate": "a", "number": 1, "step_seconds": 1.0, "phases": {}, "elapsed_seconds": 1.0}
GOOD = {
    "job": JOB.model_dump(),
    "candidates": [PLAN],
    "passes": [["a"]],
    "runs": [RUN],
    "best_of_rounds": ["a"],
    "passes_of_rounds": [1],
}


def state(folder, change):
    """What a folder knows whose state is good but for a change."""
    (folder / "tune.json").write_text(json.dumps(GOOD | change))
    return TuneFolder(folder).state(JOB)


def test_a_good_state_is_gone_on_with(tmp_path):
    assert state(tmp_path, {}).runs[0].number == 1


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"runs": [RUN | {"number": 3}]}, "runs[0].number: pass 3 had no plan 'a'"),
        ({"runs": [RUN | {"candidate": "b"}]}, "runs[0].number: pass 1 had no plan 'b'"),
        ({"runs": [RUN, RUN]}, "runs[1].number: a second run of 'a' in pass 1"),
        ({"passes": [["a", "b"]]}, "passes[0][1]: there is no plan 'b'"),
        ({"best_of_rounds": ["b"]}, "best_of_rounds[0]: there is no plan 'b'"),
        ({"passes_of_rounds": [1, 1]}, "passes_of_rounds: must rise, with one number for each"),
        ({"passes_of_rounds": [2]}, "passes_of_rounds[0]: there are 1 passes"),
        ({"candidates": [PLAN, PLAN]}, "candidates[1].name: a second plan 'a'"),
        ({"candidates": [PLAN | {"name": "../a"}]}, "candidates[0].name: must be the name of a"),
    ],
)
def test_a_state_with_loose_ends_is_refused_where_they_are(tmp_path, change, fault):
    with pytest.raises(InputError) as refused:
        state(tmp_path, change)
    (found,) = refused.value.diagnostics
    assert found.line == 1
    assert f"{found.path}: {found.message}".startswith(fault)
