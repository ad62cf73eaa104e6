"""What a spec tells of the step and its cost model leaves out is said at its key."""

from __future__ import annotations

import pytest

from shardplan.case import case_of_value
from shardplan.explain.advice.unpriced import Unpriced

TOLD = {
    "framework": "torchrec-eager",
    "overhead_ms": 1,
    "dense": {"layers": [{"mlp": [13, 128]}]},
}


def told(cost_model: str, **training: object) -> set[tuple[str, ...]]:
    spec = {
        "batch": {"global": 64},
        "topology": "dgx-h100",
        "cost_model": cost_model,
        "training": training,
        "tables": [{"name": "t", "rows": 100, "dim": 8}],
    }
    return {warned.path for warned in Unpriced().of_case(case_of_value(spec, "spec"))}


@pytest.mark.parametrize("key", TOLD)
def test_what_the_estimator_of_torchrec_leaves_out_is_named(key):
    (path,) = told("torchrec", **{key: TOLD[key]})
    assert path[:2] == ("training", key)


def test_what_is_predicted_needs_no_word():
    assert told("h100", **TOLD) == set()
