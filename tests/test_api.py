"""The package's face: what ``from shardplan import ...`` gives."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from click.testing import CliRunner

import shardplan
from shardplan.cli.main import cli
from shardplan.errors import InputError

FACE = (
    *("make_profile", "write_profile", "load", "plan", "explain", "verify"),
    *("read_plan", "write_plan", "Settings", "Reporter"),
)
HEAVY = {"numpy", "pydantic", "yaml", "networkx", "rich", "click", "highspy", "pulp", "torch"}
SPEC = {
    "name": "small",
    "batch": {"local": 64},
    "topology": {"name": "dgx-h100"},
    "tables": [{"name": f"t{number}", "rows": 1000, "dim": 16} for number in range(3)],
}


def run_python(program: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def case():
    return shardplan.load(SPEC)


@pytest.fixture(scope="module")
def made(case):
    return shardplan.plan(case, shardplan.Settings(method="greedy"))


def test_the_package_lists_its_face():
    assert set(shardplan.__all__) == {*FACE, "__version__"}
    assert all(callable(getattr(shardplan, name)) for name in FACE)


@pytest.mark.parametrize("room", ["plan", "explain"])
def test_functions_win_over_the_rooms_of_the_same_name(room):
    """Whether the room is imported before, after, or by something else in between."""
    deep = {"plan": "shardplan.plan.verify", "explain": "shardplan.explain.numbers.explain"}[room]
    before = f"import {deep}; from shardplan import {room}; print({room}.__module__)"
    after = f"from shardplan import {room}; import {deep}; print({room}.__module__)"
    both = f"import shardplan, {deep}; print(shardplan.{room}.__module__)"
    alone = f"import shardplan.{room}, shardplan; print(shardplan.{room}.__module__)"
    assert {run_python(each) for each in (before, after, both, alone)} == {"shardplan.api\n"}


@pytest.mark.parametrize("program", ["import shardplan", "from shardplan import load, plan"])
def test_importing_the_face_imports_no_library(program):
    loaded = run_python(f"import sys; {program}; print(*sys.modules)").split()
    assert not HEAVY & set(loaded)


def test_the_help_imports_no_numbers():
    program = (
        "import sys; from shardplan.cli.main import cli\n"
        "cli(['--help'], standalone_mode=False); print('modules', *sys.modules)"
    )
    loaded = run_python(program).rpartition("modules")[2].split()
    assert not {"numpy", "pydantic", "networkx", "highspy"} & set(loaded)


def test_a_spec_is_read_from_a_file_as_from_values(case, tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text(json.dumps(SPEC), encoding="utf-8")
    assert shardplan.load(path).resolved == shardplan.load(str(path)).resolved == case.resolved


def test_a_spec_tells_all_its_faults():
    faulty = {**SPEC, "batch": {"local": -1}, "topology": {"name": "nowhere"}}
    with pytest.raises(InputError) as caught:
        shardplan.load(faulty)
    assert len(caught.value.diagnostics) == 2


def test_a_plan_written_and_read_is_the_same(made, tmp_path):
    shardplan.write_plan(made, tmp_path / "plan.json")
    assert shardplan.read_plan(tmp_path / "plan.json") == made


def test_a_plan_is_good_for_its_case(made, case):
    assert shardplan.verify(made) == shardplan.verify(made, case) == ()


def test_a_reporter_hears_of_the_search(case, made):
    class Heard(shardplan.Reporter):
        """Keeps what gave a better placement."""

        def __init__(self) -> None:
            self.methods: list[str] = []

        def improved(self, objective_seconds: float, method: str) -> None:
            self.methods.append(method)

    heard = Heard()
    again = shardplan.plan(case, shardplan.Settings(method="greedy"), heard)
    assert heard.methods
    assert again.plan == made.plan


def test_an_explanation_is_what_the_command_line_writes(made, tmp_path):
    path = tmp_path / "plan.json"
    shardplan.write_plan(made, path)
    shown = CliRunner().invoke(cli, ["explain", str(path), "--format", "json"])
    assert json.loads(shown.stdout) == json.loads(json.dumps(asdict(shardplan.explain(made))))


def test_the_package_says_that_it_is_typed():
    assert (Path(shardplan.__file__).parent / "py.typed").exists()
