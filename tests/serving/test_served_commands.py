"""Commands on specs and plans for serving."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner
from served_specs import served_spec

from shardplan.cli.main import cli

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: str):
    return CliRunner().invoke(cli, arguments)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A spec and where its plan goes."""
    spec = tmp_path / "model.yaml"
    spec.write_text(yaml.safe_dump(served_spec(slo={"p99": "5ms"})))
    return str(spec), str(tmp_path / "plan.json")


def test_a_plan_is_solved_explained_and_verified(files: tuple[str, str]) -> None:
    spec, plan = files
    solved = run("solve", spec, "-o", plan)
    assert solved.exit_code == 0
    assert "no plan does with fewer than" in solved.stderr
    assert "of 5 ms at the peak (exact)" in solved.stderr
    for form in ("table", "markdown", "html", "json"):
        shown = run("explain", plan, "--format", form)
        assert shown.exit_code == 0
        assert "user" in shown.stdout
        assert "headroom" in shown.stdout.lower()
    verified = run("verify", plan, spec)
    assert (verified.exit_code, "good" in verified.stdout) == (0, True)
    checked = run("check", spec, "--format", "json")
    assert json.loads(checked.stdout)["summary"]["peak_queries_per_second"] == 4000


def test_a_plan_of_an_older_spec_is_stale(files: tuple[str, str], tmp_path: Path) -> None:
    spec, plan = files
    assert run("solve", spec, "-o", plan, "-q").exit_code == 0
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump(served_spec(slo={"p99": "6ms"})))
    verified = run("verify", plan, str(other))
    assert verified.exit_code == 1
    assert "stale: inputs.spec" in verified.stdout


@pytest.mark.parametrize(
    ("command", "word"),
    [(("diff", "{plan}", "{plan}"), "is a plan for serving"),
     (("explain", "{plan}", "--table", "user"), "is shown whole"),
     (("solve", "{spec}", "--from", "{plan}"), "is for plans of training"),
     (("solve", "{spec}", "--method", "greedy"), "is for plans of training")],
)  # fmt: skip
def test_what_is_of_training_alone_is_refused_in_words(files, command, word) -> None:
    spec, plan = files
    assert run("solve", spec, "-o", plan, "-q").exit_code == 0
    result = run(*(part.format(spec=spec, plan=plan) for part in command))
    assert result.exit_code == 2
    assert word in result.stderr


def test_the_same_spec_gives_the_same_plan(files: tuple[str, str]) -> None:
    first, second = (json.loads(run("solve", files[0]).stdout) for _ in range(2))
    first.pop("run"), second.pop("run")
    assert first == second
