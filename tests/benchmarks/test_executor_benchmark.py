"""Plans against plans: the table of docs/torchrec.md, and the script that measures it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_table_is_that_of_the_measurements() -> None:
    from page import TORCHREC, rendered

    text = TORCHREC.read_text(encoding="utf-8")
    assert re.findall(r"<!-- measured: (\w+) -->", text) == ["executor"]
    assert rendered(text) == text


def test_a_line_holds_the_least_of_all_rounds_against_ours() -> None:
    from executor import NAMES, Row, as_lines

    ours = Row("m", "shardplan", 2, (0.02, 0.01), 0.012, {})
    other = Row("m", "greedy-dim", 2, (0.03, 0.015), 0.02, {})
    header, (line,) = as_lines([ours, other])
    assert dict(zip(header, line, strict=True)) == {
        "model": "m",
        "shardplan ms": "10.0",
        "predicted ms": "12.0",
        **{name: "-" for name in NAMES if name != "shardplan"},
        "greedy-dim": "1.50",
    }


@pytest.mark.slow
@pytest.mark.skipif(find_spec("torchrec") is None, reason="torchrec is not installed")
def test_every_contender_is_trained(shared_data: Path) -> None:
    """The smallest model, once, by a cost model of other machines: the numbers mean nothing."""
    from executor import NAMES

    words = ["--only", "12 of", "--rounds", "1", "--time-limit", "1", "--format", "json"]
    model = ROOT / "cost_models" / "h100.yaml"
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "benchmarks/executor.py", *words, "--cost-model", str(model)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert {row["contender"] for row in rows} == set(NAMES)
    assert all(0 < min(row["seconds"]) < 60 for row in rows)
    assert all(sum(row["sharding"].values()) == 12 for row in rows)
