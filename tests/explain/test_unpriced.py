"""What a spec tells of the step and its cost model leaves out is said at its key."""

from __future__ import annotations

import pytest

from shardplan.build_case import case_of_value
from shardplan.explain.advice.unpriced import Unpriced

TOLD = {
    "framework": "torchrec-eager",
    "overhead_ms": 1,
    "dense": {"layers": [{"mlp": [13, 128]}]},
    "input": {"bytes_per_sample": "912B"},
    "replicas": {"groups": 2},
}


def told(cost_model: str, topology: str = "dgx-h100", **training: object) -> set[tuple[str, ...]]:
    spec = {
        "batch": {"global": 64},
        "topology": topology,
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
    counted = {key: value for key, value in TOLD.items() if key != "input"}
    assert told("h100", **counted) == set()


def test_bytes_of_the_input_count_only_where_the_machine_has_a_rate_for_them():
    assert told("h100", input=TOLD["input"]) == {("training", "input")}
    assert told("a100", topology="zionex", input=TOLD["input"]) == set()
