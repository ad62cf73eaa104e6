"""Figures that were fitted to other steps than a spec's are named as such."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from shardplan.build_case import case_of_value
from shardplan.explain.advice.advice import warnings

FRAMEWORKS = Path(__file__).parents[2] / "cost_models" / "frameworks"
CALIBRATION = {
    "machine": "16 cores",
    "processes": 8,
    "engine": "torchrec",
    "optimizer": "sgd",
    "cost_model": "h100",
    "libraries": {},
    "fitted_plans": 40,
    "held_out_plans": 10,
    "residuals": {},
}


def told(**changed: object) -> list[str]:
    file = FRAMEWORKS / "torchrec-eager.yaml"
    framework = yaml.safe_load(file.read_text(encoding="utf-8"))
    spec = {
        "batch": {"global": 64},
        "topology": {"name": "dgx-h100", "nodes": 1},
        "training": {
            "optimizer": "sgd",
            "framework": framework | {"calibration": CALIBRATION | changed},
        },
        "tables": [{"name": "t", "rows": 100, "dim": 8}],
    }
    found = warnings(case_of_value(spec, "spec"))
    return [each.message for each in found if each.code == "calibrated_otherwise"]


def test_a_spec_like_the_steps_that_were_trained_needs_no_word():
    assert told() == []


@pytest.mark.parametrize(
    ("changed", "theirs", "ours"),
    [
        ({"optimizer": "adam"}, "optimizer adam", "optimizer sgd"),
        ({"processes": 2}, "processes 2", "processes 8"),
        ({"cost_model": "mine"}, "cost model mine", "cost model h100"),
    ],
)
def test_what_differs_is_named_on_both_sides(changed, theirs, ours):
    (sentence,) = told(**changed)
    assert sentence.endswith(f"was calibrated with {theirs}; here: {ours}")
