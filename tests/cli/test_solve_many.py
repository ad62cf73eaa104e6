"""Several specs in one ``solve``, and plans side by side."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shardplan.cli import show
from shardplan.cli.solving import solve_many
from shardplan.cli.solving.solve_many import tasks_of

SPEC = """\
name: {name}
batch: {{global: 4096}}
topology: dgx-h100
defaults: {{dim: 64}}
tables: [{{name: a, rows: {rows}}}, {{name: b, rows: 2000}}]
"""


@pytest.fixture
def endless_spec():
    """One whose gap no solve closes within minutes."""
    drawn = random.Random(7)
    tables = [
        f"  - {{name: t_{i}, rows: {drawn.randint(10**4, 10**7)}, "
        f"dim: {drawn.choice((16, 48, 64, 128))}, pooling: {drawn.randint(1, 60)}}}"
        for i in range(90)
    ]
    head = "batch: {global: 65536}\ntopology: {name: dgx-h100, nodes: 4}\ntables:\n"
    return head + "\n".join(tables) + "\n"


@pytest.fixture
def specs(write):
    """Two that can be planned; between them one that is wrong."""
    return [
        write(SPEC.format(name="one", rows=1000), "one.yaml"),
        write("name: wrong\n", "wrong.yaml"),
        write(SPEC.format(name="two", rows=2000), "two.yaml"),
    ]


def test_what_each_solve_notes_is_no_wider_than_the_terminal(run, write, tmp_path, monkeypatch):
    monkeypatch.setattr(show, "_columns_of", lambda stream: 80)
    wide = SPEC + "training: {{optimizer: rowwise_adagrad}}\n"
    paths = [write(wide.format(name=n, rows=90_000_000), f"{n}.yaml") for n in ("one", "two")]
    result = run("solve", *paths, "-o", tmp_path / "plans", "--method", "greedy")
    said = result.stderr.splitlines()
    assert any(line.startswith("  note: ") for line in said)
    assert max(map(len, said)) <= 80


def test_one_that_fails_stops_no_other_and_gives_the_exit_code(run, specs, tmp_path):
    folder = tmp_path / "plans"
    result = run("solve", *specs, "-o", folder, "-j", "2", "--method", "greedy")
    assert result.exit_code == 2
    assert sorted(path.name for path in folder.iterdir()) == ["one.json", "two.json"]
    assert "2 of 3 specs solved" in result.stdout
    assert "batch: is missing" in result.stderr
    assert "Without a plan" in result.stdout


def test_each_gets_the_options_as_they_were_written(run, specs, tmp_path):
    options = ["--method", "greedy", "--seed=7", "--set", "name=other", "--set", "reserve.hbm=20%"]
    result = run("solve", specs[0], specs[2], "-q", *options, "-o", tmp_path)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    for name in ("one", "two"):
        plan = json.loads((tmp_path / f"{name}.json").read_text())
        assert (plan["name"], plan["solver"]["seed"]) == ("other", 7)
        assert plan["resolved"]["reserve"]["hbm"] == "20%"


def test_patience_is_passed_on_as_it_was_written(run, specs, monkeypatch):
    given = []
    monkeypatch.setattr(
        solve_many, "solve_many", lambda tasks, options, jobs, quiet: given.extend(options) or 0
    )
    result = run("solve", specs[0], specs[2], "-o", "plans", "--patience", "2min", "-j", "2")
    assert (result.exit_code, given) == (0, ["--patience=2min"])


@pytest.mark.parametrize(
    "arguments", [("a.yaml", "b/a.yaml", "-o", "x"), ("-", "a.yaml", "-o", "x"),
                  ("a.yaml", "b.yaml"), ("a.yaml", "b.yaml", "-o", "x", "--from", "-")]
)  # fmt: skip
def test_what_could_not_be_told_apart_is_wrong_usage(run, arguments):
    assert run("solve", *arguments).exit_code == 2


def test_the_plan_of_a_spec_is_called_after_it():
    (one, two) = tasks_of(["x/one.yaml", "y/two.yaml"], "out")
    assert (one.plan, two.plan) == (
        os.path.join("out", "one.json"),
        os.path.join("out", "two.json"),
    )


def test_ctrl_c_writes_what_there_is_and_begins_no_more(endless_spec, tmp_path):
    copies = [tmp_path / f"{name}.yaml" for name in ("first", "second")]
    for copy in copies:
        copy.write_text(endless_spec)
    folder = tmp_path / "plans"
    command = [sys.executable, "-m", "shardplan", "solve", *map(str, copies), "-o", str(folder)]
    process = subprocess.Popen(
        [*command, "--gap", "0", "--time-limit", "120s"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not folder.exists():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopping with the best plan so far" in said
    assert not (folder / "second.json").exists()


def runs(pid):
    """Whether a process computes; one that ended and that nobody has waited for does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are told by /proc")
def test_they_end_with_the_process_that_began_them_however_that_ends(endless_spec, tmp_path):
    copies = [tmp_path / f"{name}.yaml" for name in ("first", "second")]
    for copy in copies:
        copy.write_text(endless_spec)
    command = [sys.executable, "-m", "shardplan", "solve", *map(str, copies)]
    process = subprocess.Popen(
        [*command, "-o", str(tmp_path / "plans"), "-j", "2", "--gap", "0", "--time-limit", "1h"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while len(begun := listed.read_text().split()) < 2:
        assert process.poll() is None
    process.kill()
    process.wait()
    until = time.monotonic() + 30
    while any(map(runs, begun)):
        assert time.monotonic() < until


@pytest.fixture
def plans(run, specs, tmp_path):
    for name, spec, nodes in (("one", specs[0], 1), ("two", specs[2], 2)):
        arguments = ("--nodes", nodes, "--method", "greedy", "-o", tmp_path / f"{name}.json")
        assert run("solve", spec, *arguments).exit_code == 0
    return [tmp_path / "one.json", tmp_path / "two.json"]


def test_plans_stand_side_by_side_with_what_differs(run, plans):
    value = json.loads(run("compare", *plans, "--format", "json").stdout)
    assert [line["world_size"] for line in value["plans"]] == [8, 16]
    for line in value["plans"]:
        rate = line["global_batch"] / line["step_seconds"]
        assert line["samples_per_second"] == pytest.approx(rate, rel=1e-6)
    assert value["plans"][0]["relative"] == 1
    differing = {line["where"]: line["values"] for line in value["keys"]}
    assert differing == {
        "name": ["'one'", "'two'"],
        "tables.a.rows": ["1000", "2000"],
        "topology.nodes": ["1", "2"],
    }


def test_plans_of_one_spec_are_said_to_differ_in_nothing(run, plans):
    text = run("compare", plans[0], plans[0]).stdout
    assert "nothing: all were made from the same spec" in text
    assert run("compare", "-", "-").exit_code == 2
    assert run("compare").exit_code == 2


def test_a_machine_with_anothers_costs_says_so(run, specs, tmp_path):
    plan = tmp_path / "plan.json"
    arguments = ("--topology", "mi300x", "--method", "greedy", "-o", plan)
    said = run("solve", specs[0], *arguments).stderr
    assert "the costs are borrowed: mi300x has no cost model for MI300X" in said
    assert "the costs are borrowed" in run("explain", plan).stdout
    own = run("solve", specs[0], "--topology", "mi300x", "--set", "cost_model=h100", "-o", plan)
    assert "borrowed" not in own.stderr
