"""What all attacks start from: a small spec that uses most keys, and its plan."""

import json

import pytest
import yaml
from attempt import SPEC, attempt

CONSTRAINTS = [
    {"tables": "user_*", "sharding": ["table_wise", "row_wise"]},
    {"tables": ["country", "query"], "together": True},
    {"tables": ["archive", "unused"], "apart": True},
    {"tables": "history", "ranks": [0, 1, 2]},
]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder with ``spec.json`` and ``plan.json``."""
    path = tmp_path_factory.mktemp("attack")
    spec = yaml.safe_load(SPEC.read_text(encoding="utf-8")) | {"constraints": CONSTRAINTS}
    (path / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    solved = attempt(
        "solve", path / "spec.json", "-o", path / "plan.json", "--method", "greedy", "-q"
    )
    assert solved.exit_code == 0, solved.stderr
    return path
