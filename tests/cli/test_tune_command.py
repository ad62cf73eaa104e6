"""``shardplan tune``: a job of one's own, its failures, and what lies in the folder after."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from importlib.util import find_spec

import pytest

from shardplan.cli import measured_drift
from shardplan.plan.file.read import read_plan

SPEC = """\
batch: {local: 256}
topology: {name: cpu-2s}
tables:
  - {name: t_20, rows: 4_000, dim: 16, pooling: 3}
  - {name: t_21, rows: 600, dim: 16}
"""
JOB = """\
import json, sys, time
plan, measured = sys.argv[1:3]
entries = [e for tables in json.load(open(plan))["plan"].values() for e in tables.values()]
seconds = sum({"data_parallel": 0.001}.get(e["sharding_type"], 0.002) for e in entries)
time.sleep(float(sys.argv[3]) if sys.argv[3:] else 0)
json.dump({"step_seconds": seconds}, open(measured, "w"))
"""
QUICK = ("--time-limit", "1s", "--rounds", "2")


@pytest.fixture
def spec(write):
    return write(SPEC, "model.yaml")


@pytest.fixture
def job(write):
    path = write(JOB, "my job.py")
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(path))} {{plan}} {{measured}}"


@pytest.fixture
def tuned(run, spec, job, tmp_path):
    """A folder that was tuned, and what was said."""
    folder = tmp_path / "tuned"
    result = run("tune", spec, "-o", folder, "--run", job, *QUICK, "--format", "json")
    assert result.exit_code == 0, result.stderr
    return folder, result


def test_the_fastest_plan_and_the_corrected_model_lie_in_the_folder(run, spec, tuned):
    folder, result = tuned
    found = json.loads(result.stdout)
    best = read_plan(folder / "best.json")
    kinds = {str(entry.sharding_type) for entry in best.plan["sparse.ebc"].values()}
    assert kinds == {"data_parallel"}
    assert found["plans"][0]["outcome"] == "best"
    assert found["plans"][0]["measured_seconds"] == pytest.approx(0.002)
    model = f"cost_model={folder}/cost_model.yaml"
    checked = run("check", spec, "--set", model, "--format", "json")
    assert checked.exit_code == 0, checked.stderr
    assert json.loads(checked.stdout)["summary"]["cost_model"] == "cpu-tuned"
    solved = run("solve", spec, "--set", model, "--method", "greedy")
    assert json.loads(solved.stdout)["prediction"]["step_seconds"] == pytest.approx(0.002, rel=0.1)


def test_progress_and_what_comes_next_go_to_stderr(tuned):
    _, result = tuned
    assert "round 1: shardplan, " in result.stderr
    assert "a step\n" in result.stderr
    assert "cost_model.yaml` into a spec" in result.stderr


@pytest.mark.parametrize("form", ["table", "markdown", "html"])
def test_run_again_it_measures_nothing_and_shows_the_same(run, spec, job, tuned, form):
    folder, result = tuned
    runs = sorted(path.name for path in (folder / "measured").iterdir())
    again = run("tune", spec, "-o", folder, "--run", job, *QUICK, "--format", form, "-q")
    assert again.exit_code == 0, again.stderr
    assert again.stderr == ""
    assert sorted(path.name for path in (folder / "measured").iterdir()) == runs
    for plan in json.loads(result.stdout)["plans"]:
        assert plan["name"] in again.stdout


def test_a_plan_of_ones_own_runs_too(run, spec, job, tmp_path):
    own = tmp_path / "own.json"
    run("solve", spec, "-o", own, "--method", "greedy-dim", "-q")
    folder = tmp_path / "tuned"
    words = ("--against", own, "--format", "json")
    result = run("tune", spec, "-o", folder, "--run", job, *QUICK, *words)
    plans = json.loads(result.stdout)["plans"]
    assert any("given-own" in (each["name"], *each["also"]) for each in plans)


def test_a_plan_of_other_tables_is_refused(run, spec, job, plan_path, tmp_path):
    result = run("tune", spec, "-o", tmp_path / "x", "--run", job, "--against", plan_path)
    assert result.exit_code == 2
    assert "does not hold every table of the spec" in result.stderr


@pytest.mark.parametrize("place", ["{plan}", "{measured}"])
def test_a_command_without_a_place_for_a_file_is_wrong_usage(run, spec, job, place, tmp_path):
    result = run("tune", spec, "-o", tmp_path / "x", "--run", job.replace(place, ""))
    assert result.exit_code == 2
    assert f"has no {place}" in result.stderr


def test_a_program_that_is_not_there_is_told_before_any_plan_is_sought(run, spec, tmp_path):
    command = "no-such-program {plan} {measured}"
    result = run("tune", spec, "-o", tmp_path / "x", "--run", command)
    assert result.exit_code == 2
    assert "there is no program no-such-program" in result.stderr
    assert "round 1" not in result.stderr


def test_a_job_that_fails_under_every_plan_is_told_with_its_last_lines(run, spec, tmp_path):
    command = f"{sys.executable} -c 'raise SystemExit(\"no GPU here\")' {{plan}} {{measured}}"
    result = run("tune", spec, "-o", tmp_path / "x", "--run", command, *QUICK)
    assert result.exit_code == 2
    assert "it ended with exit code 1" in result.stderr
    assert "| no GPU here" in result.stderr


def test_a_budget_that_is_spent_before_any_run_has_exit_code_4(run, spec, job, tmp_path):
    result = run("tune", spec, "-o", tmp_path / "x", "--run", job, *QUICK, "--budget", "1us")
    assert result.exit_code == 4
    assert "the budget was spent before any plan had run" in result.stderr


def test_the_executor_does_not_train_on_several_nodes(run, spec, tmp_path):
    result = run("tune", spec, "-o", tmp_path / "x", "--nodes", "2")
    assert result.exit_code == 2
    assert "give a command that starts your job on all of them (--run)" in result.stderr


def test_a_spec_without_a_plan_has_exit_code_3(run, spec, job, tmp_path):
    result = run("tune", spec, "-o", tmp_path / "x", "--run", job, "--set", "tables.t_20.rows=4e12")
    assert result.exit_code == 3


def test_ctrl_c_keeps_the_fastest_plan_so_far(spec, job, tmp_path):
    folder = tmp_path / "tuned"
    command = [sys.executable, "-m", "shardplan", "tune", str(spec), "-o", str(folder)]
    process = subprocess.Popen(
        [*command, "--run", f"{job} 0.3", *QUICK, "--format", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("pass 1: "):
            process.send_signal(signal.SIGINT)
            break
    stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr
    found = json.loads(stdout)
    assert found["end"] == "interrupted"
    assert found["runs"] >= 1
    read_plan(folder / "best.json")


@pytest.mark.slow
@pytest.mark.skipif(find_spec("torch") is None, reason="trains with PyTorch")
def test_the_executor_trains_where_no_command_is_given(run, spec, tmp_path):
    """Two processes of gloo; with phases, by which the cost model is corrected."""
    folder = tmp_path / "tuned"
    words = ("--steps", "2", "--rounds", "1", "--format", "json", "--budget", "20s")
    result = run("tune", spec, "-o", folder, "--time-limit", "1s", *words)
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    ran = [each for each in found["plans"] if each["measured_seconds"]]
    assert ran
    state = json.loads((folder / "tune.json").read_text())
    assert "lookup_forward" in state["runs"][0]["phases"]


def files_of_a_job(folder, count: int, since: int):
    folder.mkdir()
    for number in range(count):
        seconds = 0.001 * (1 + 0.01 * ((number + 1) % 3)) * (2 if number >= since else 1)
        value = {"step_seconds": 0.002 + seconds, "phases": {"lookup_forward": seconds}}
        (folder / f"{number:02}.json").write_text(json.dumps(value))
    return folder


def test_check_tells_the_drift_of_a_running_job(run, plan_path, tmp_path):
    folder = files_of_a_job(tmp_path / "measured", 20, 12)
    result = run("check", plan_path, "--measured", folder)
    assert result.exit_code == 0, result.stderr
    assert "lookup_forward moved most" in result.stdout
    assert "12.json" in result.stdout
    found = json.loads(run("check", plan_path, "--measured", folder, "--format", "json").stdout)
    assert found["has_drifted"] is True


def test_check_says_where_there_is_no_drift(run, plan_path, tmp_path):
    folder = files_of_a_job(tmp_path / "measured", 20, 99)
    assert "no drift" in run("check", plan_path, "--measured", folder).stdout


def test_check_exits_with_1_where_it_is_asked_to_and_the_job_has_drifted(run, plan_path, tmp_path):
    for since, code in ((12, 1), (99, 0)):
        folder = files_of_a_job(tmp_path / f"since-{since}", 20, since)
        result = run("check", plan_path, "--measured", folder, "--exit-code")
        assert result.exit_code == code, result.stderr


def test_watching_tells_of_news_alone_until_ctrl_c(run, plan_path, tmp_path, monkeypatch):
    """A look after each batch of files: too few, steady, drifted, the same, and one half there."""
    source = files_of_a_job(tmp_path / "source", 60, 30)
    folder = tmp_path / "measured"
    folder.mkdir()
    ends = iter([10, 24, 26, 44, 46, 48, 60])

    def more(is_over):
        end = next(ends, None)
        if end is None:
            os.kill(os.getpid(), signal.SIGINT)
            return
        for number in range(end):
            name = f"{number:02}.json"
            (folder / name).write_text((source / name).read_text())
        (folder / "99.json").write_text('{"step_seconds": 0.')

    monkeypatch.setattr(measured_drift, "_wait", more)
    result = run("check", plan_path, "--measured", folder, "--watch", "--exit-code")
    assert result.exit_code == 1, result.stderr
    assert result.stdout.count("measured files") == 2
    assert result.stdout.index("no drift") < result.stdout.index("lookup_forward moved most")
    assert "30.json" in result.stdout
    assert result.stderr.count("99.json is not counted") == 1


def test_watch_and_exit_code_are_of_measured_files(run, plan_path):
    result = run("check", plan_path, "--watch")
    assert (result.exit_code, "are of --measured" in result.stderr) == (2, True)


def test_check_refuses_too_few_files_and_other_options(run, plan_path, tmp_path):
    folder = files_of_a_job(tmp_path / "measured", 5, 99)
    few = run("check", plan_path, "--measured", folder)
    assert (few.exit_code, "it takes 14 at least" in few.stderr) == (2, True)
    both = run("check", plan_path, "--measured", folder, "--resolved")
    assert both.exit_code == 2
