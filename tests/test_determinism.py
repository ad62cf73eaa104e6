"""The same spec and seed give the same bytes, in any process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

SOLVE = """
import sys
from shardplan.build_case import build_case
from shardplan.plan.file.write import render
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.spec.load import load_spec

case = build_case(load_spec(sys.argv[1]))
settings = Settings(
    sys.argv[2], gap=0.005, time_limit_seconds=1e6, node_limit=3, seed=7, effort=0.01
)
print(render(make_plan(case, settings, Reporter())))
"""


def solve_in_a_process(spec: str, method: str, hash_seed: str) -> dict:
    """The plan file that a new interpreter writes."""
    done = subprocess.run(
        [sys.executable, "-c", SOLVE, spec, method],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(("method"), ["greedy", pytest.param("auto", marks=pytest.mark.slow)])
def test_two_processes_write_the_same_plan(method):
    """But for ``run``; the hash seed changes the order of every set of strings."""
    spec = str(ROOT / "examples" / "dlrm_dcnv2.yaml")
    first, second = (solve_in_a_process(spec, method, seed) for seed in ("1", "4242"))
    del first["run"], second["run"]
    assert json.dumps(first) == json.dumps(second)
