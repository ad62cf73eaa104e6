"""Every plan passes TorchRec's own acceptance, on all ranks."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from executor_plans import random_plan
from rank_crew import Crew

from shardplan.build_case import build_case
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.spec.load import load_spec

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("torchrec") is None, reason="torchrec is not installed"),
]
EXAMPLES = [
    path
    for path in sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
    if "modules" not in yaml.safe_load(path.read_text(encoding="utf-8"))
]
"""Without those of other kinds of modules, which are tried in ``test_torchrec_kinds.py``."""


@pytest.fixture(scope="module")
def alone():
    with Crew(1, 1) as crew:
        yield crew


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_plan_of_an_example_is_accepted(path, alone):
    plan = make_plan(build_case(load_spec(str(path))), Settings("greedy"), Reporter())
    assert alone.run("accepted", [plan]) == [plan.world_size]


def test_200_random_plans_are_accepted(alone):
    plans = [random_plan(seed, (2, 4, 8)[seed % 3]) for seed in range(200)]
    assert alone.run("accepted", plans) == [sum(plan.world_size for plan in plans)]
