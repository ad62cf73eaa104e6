"""Ctrl-C during a solve, and targets that cannot be written."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from shardplan import build_case, files
from shardplan.cli.reports import progress
from shardplan.spec import load

EXAMPLE = Path(__file__).parents[2] / "examples" / "dlrm_dcnv2.yaml"
CACHED = EXAMPLE.with_name("neo_12t.yaml")

SMALL = {"name": "many", "batch": {"local": 64}, "topology": {"name": "dgx-h100", "nodes": 1}}


class Impatient(progress.TellingReporter):
    """Presses Ctrl-C as soon as there is a plan, or a bound."""

    def __init__(self, *, waits_for_a_plan: bool) -> None:
        self.waits_for_a_plan = waits_for_a_plan
        self.pressed_at: float | None = None

    def improved(self, objective_seconds, method):
        self._press()

    def starting(self, stage):
        if not self.waits_for_a_plan:
            self._press()

    def _press(self):
        if self.pressed_at is None:
            self.pressed_at = time.process_time()
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def press(monkeypatch):
    """Have the next solve interrupted; gives the reporter that does it."""

    def prepare(*, waits_for_a_plan):
        reporter = Impatient(waits_for_a_plan=waits_for_a_plan)

        @contextmanager
        def impatient(quiet):
            yield reporter

        monkeypatch.setattr(progress, "progress", impatient)
        return reporter

    return prepare


@pytest.mark.parametrize("example", [EXAMPLE, CACHED], ids=["in HBM", "behind caches"])
def test_with_a_plan_in_hand_it_is_written_within_two_seconds(run, press, tmp_path, example):
    plan = tmp_path / "plan.json"
    plan.write_text("old")
    reporter = press(waits_for_a_plan=True)
    result = run("solve", example, "--gap", "0.001%", "-o", plan)
    assert time.process_time() - reporter.pressed_at < 2.0
    assert result.exit_code == 0, result.stderr
    assert json.loads(plan.read_text())["optimality"]["termination"] == "interrupted"
    assert run("verify", plan, example).exit_code == 0


def test_without_a_plan_nothing_is_written(run, press, tmp_path):
    plan = tmp_path / "plan.json"
    plan.write_text("old")
    press(waits_for_a_plan=False)
    result = run("solve", EXAMPLE, "--method", "milp", "-o", plan)
    assert result.exit_code in (0, 130)
    assert (plan.read_text() == "old") == (result.exit_code == 130)


def test_while_very_many_tables_are_read_it_ends_before_anything_is_made_of_them(
    run, tmp_path, monkeypatch
):
    spec = json.loads(json.dumps(SMALL))
    spec["tables"] = [{"name": f"t{n}", "rows": 100, "dim": 16} for n in range(1_001)]
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(spec))
    real = load.load_spec

    def pressed(*given):
        os.kill(os.getpid(), signal.SIGINT)
        return real(*given)

    monkeypatch.setattr(load, "load_spec", pressed)
    monkeypatch.setattr(build_case, "build_case", lambda loaded: pytest.fail("a case was made"))
    result = run("solve", path, "-o", tmp_path / "plan.json")
    assert result.exit_code == 130, result.stderr
    assert not (tmp_path / "plan.json").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no full device")
def test_a_full_device_is_known_before_the_solve(run, press):
    reporter = press(waits_for_a_plan=True)
    result = run("solve", EXAMPLE, "-o", "/dev/full")
    assert result.exit_code == 2
    assert "No space left" in result.stderr
    assert reporter.pressed_at is None


def test_a_full_disk_is_known_before_the_solve_and_leaves_the_old_plan(
    run, press, tmp_path, monkeypatch
):
    plan = tmp_path / "plan.json"
    plan.write_text("old")
    reporter = press(waits_for_a_plan=True)

    def full(descriptor, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "write", full)
    result = run("solve", EXAMPLE, "-o", plan)
    monkeypatch.undo()
    assert result.exit_code == 2
    assert "No space left" in result.stderr
    assert reporter.pressed_at is None
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]
    assert plan.read_text() == "old"
