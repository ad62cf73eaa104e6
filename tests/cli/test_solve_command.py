import json
import shlex
import shutil
import signal
import subprocess
import sys

import pytest

from shardplan.cli.commands.solve import solve_command
from shardplan.cli.quantity import percentage
from shardplan.planning import planner
from shardplan.planning.planner import make_plan
from shardplan.solve.settings import Settings
from shardplan.spec import load
from shardplan.spec.load import load_spec

HUGE = """\
batch: {global: 64}
topology: workstation
tables: [{name: a, rows: 1e11, dim: 128}]
constraints: [{tables: a, kernels: [fused, dense]}]
"""


def test_the_plan_goes_to_stdout_and_what_it_is_worth_to_stderr(run, spec_path):
    result = run("solve", spec_path, "--method", "greedy")
    assert result.exit_code == 0
    plan = json.loads(result.stdout)
    assert plan["name"] == "small"
    assert "small: 8 tables on 4 devices, step" in result.stderr
    assert "gap" in result.stderr


def test_the_summary_says_where_each_memory_is_fullest(run, spec_path, tmp_path):
    path = tmp_path / "plan.json"
    said = run("solve", spec_path, "--method", "greedy", "-o", path).stderr
    plan = json.loads(path.read_text())
    held = [rank["memory_bytes"]["hbm"] for rank in plan["prediction"]["ranks"]]
    usable = 16 * 2**30 * 0.85
    assert (
        f"fullest memory: hbm {max(held) / 2**30:.1f} GiB of 13.6 GiB on rank "
        f"{held.index(max(held))} ({100 * max(held) / usable:.1f}%)\n"
    ) in said


def test_with_an_output_file_stdout_stays_empty(run, spec_path, tmp_path):
    path = tmp_path / "plan.json"
    result = run("solve", spec_path, "--method", "greedy", "-o", path)
    assert result.stdout == ""
    assert json.loads(path.read_text())["world_size"] == 4
    assert result.stderr.endswith(f"{path} written; next: shardplan explain {path}\n")


def test_a_search_goes_on_by_the_command_that_is_said(run, spec_path, tmp_path, monkeypatch):
    """With the changes and the gap that were given, and with paths as a shell reads them."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(spec_path, "my spec.yaml")
    options = ["--set", "batch={local: 64}", "--gap=0%", "--method", "search"]
    _interrupt_at_first_plan(monkeypatch, 1)
    said = run("solve", "my spec.yaml", *options, "-o", "a plan.json").stderr
    (line,) = [line for line in said.splitlines() if line.startswith("to go on: ")]
    words = shlex.split(line.removeprefix("to go on: "))
    assert words == [
        "shardplan", "solve", "my spec.yaml", "--set=batch={local: 64}", "--method=search",
        "--gap=0%", "--resume", "a plan.json", "-o", "a plan.json",
    ]  # fmt: skip


def test_why_an_earlier_bound_does_not_hold_is_said_however_soon_a_plan_follows(
    run, spec_path, plan_path, tmp_path
):
    arguments = ["--set", "batch={local: 64}", "--method", "greedy", "-o", tmp_path / "plan.json"]
    said = run("solve", spec_path, "--resume", plan_path, *arguments).stderr
    assert said.startswith(
        "the plan was made from another spec: the search begins with it, without its bound\n"
    )


def test_quiet_says_nothing(run, spec_path, tmp_path):
    result = run("solve", spec_path, "--method", "greedy", "-q", "-o", tmp_path / "plan.json")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_the_same_seed_gives_the_same_plan_from_stdin_or_from_a_file(run, spec_path):
    texts = [
        run("solve", spec_path, "--method", "greedy", "-q").stdout,
        run("solve", "-", "--method", "greedy", "-q", stdin=spec_path.read_text()).stdout,
    ]
    first, second = ({k: v for k, v in json.loads(t).items() if k != "run"} for t in texts)
    assert first == second


def test_the_defaults_are_those_of_the_settings():
    chosen = {
        option.name: option.type(option.default)
        for option in solve_command.params
        if option.name in ("method", "gap", "time_limit", "seed")
    }
    settings = Settings()
    assert chosen["gap"] == settings.gap
    assert chosen["time_limit"] == settings.time_limit_seconds
    assert (chosen["method"], chosen["seed"]) == (settings.method, settings.seed)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--gap", "1"], "must be a percentage"),
        (["--gap", "0.01"], "did you mean 1%?"),
        (["--gap", "5"], "did you mean 5%?"),
        (["--gap", "x"], "for example 1%"),
        (["--gap", "101%"], "between 0% and 100%"),
        (["--time-limit", "60"], "needs a unit"),
        (["--time-limit", "-1s"], "must not be negative"),
        (["--method", "magic"], "'magic' is not one of"),
        (["--node-limit", "0"], "0 is not in the range"),
        (["--seed", "x"], "not a valid integer"),
    ],
)
def test_wrong_options_are_wrong_usage(run, spec_path, arguments, message):
    result = run("solve", spec_path, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_an_output_that_cannot_be_written_is_refused_before_solving(run, spec_path, tmp_path):
    for path in (tmp_path, tmp_path / "no" / "plan.json"):
        result = run("solve", spec_path, "-o", path, "--time-limit", "1h")
        assert result.exit_code == 2
        assert "cannot write" in result.stderr


def test_a_gap_of_nothing_needs_no_unit():
    assert percentage("0") == percentage("0%") == 0.0


def test_an_empty_output_path_is_refused_with_a_reason(run, spec_path):
    result = run("solve", spec_path, "-o", "", "--time-limit", "1h")
    assert result.exit_code == 2
    assert result.stderr.startswith("'': error: cannot write: the path is empty\n")


def test_the_plan_can_be_written_to_dev_stdout_in_a_pipe(spec_path):
    command = ["solve", spec_path, "--method", "greedy", "-q", "-o", "/dev/stdout"]
    done = subprocess.run(
        [sys.executable, "-m", "shardplan", *command], capture_output=True, check=True
    )
    assert json.loads(done.stdout)["name"] == "small"


def test_a_signal_that_comes_while_the_spec_is_read_is_remembered(run, spec_path, monkeypatch):
    """A SIGTERM counts like a Ctrl-C, and the search stops at its first plan."""

    def interrupted(*given):
        signal.raise_signal(signal.SIGTERM)
        return load_spec(*given)

    monkeypatch.setattr(load, "load_spec", interrupted)
    result = run("solve", spec_path, "--gap", "0", "--time-limit", "5min")
    assert result.stderr.startswith("stopping with the best plan so far")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["optimality"]["termination"] == "interrupted"


def test_an_infeasible_spec_says_what_is_short(run, write):
    result = run("solve", write(HUGE), "--time-limit", "10s")
    assert result.exit_code == 3
    assert result.stderr.startswith("error: no plan can exist")
    assert "TiB" in result.stderr
    assert result.stdout == ""


def _interrupt_at_first_plan(monkeypatch, times):
    """Let Ctrl-C be pressed as soon as the search has a plan."""

    def interrupted(case, settings, reporter, **options):
        def improved(objective_seconds, method):
            if not settings.should_stop():
                for _ in range(times):
                    signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(reporter, "improved", improved)
        return make_plan(case, settings, reporter, **options)

    monkeypatch.setattr(planner, "make_plan", interrupted)


@pytest.fixture
def endless_arguments(spec_path, write, tmp_path):
    """A solve that would take long: a gap of nothing on 68 tables."""
    tables = (f"  - {{name: t{i}, rows: {1000 + 37 * i}, pooling: {1 + i % 9}}}" for i in range(60))
    spec = write(spec_path.read_text() + "\n".join(tables))
    return ["solve", spec, "-o", tmp_path / "plan.json", "--gap", "0%", "--time-limit", "5min"]


def test_ctrl_c_writes_the_best_plan_so_far(run, endless_arguments, monkeypatch, tmp_path):
    _interrupt_at_first_plan(monkeypatch, 1)
    result = run(*endless_arguments)
    assert result.exit_code == 0, result.stderr
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert plan["optimality"]["termination"] == "interrupted"
    assert "Ctrl-C again aborts" in result.stderr
    assert "note: the search was interrupted, so that" in result.stderr
    assert "clock" not in result.stderr
    assert run("verify", tmp_path / "plan.json").exit_code == 0


def test_a_second_ctrl_c_aborts_and_writes_nothing(run, endless_arguments, monkeypatch, tmp_path):
    _interrupt_at_first_plan(monkeypatch, 2)
    before = signal.getsignal(signal.SIGINT)
    result = run(*endless_arguments)
    assert result.exit_code == 130
    assert result.stderr.endswith("interrupted\n")
    assert not (tmp_path / "plan.json").exists()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_reader_that_goes_away_is_no_error_worth_a_traceback(plan_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "shardplan", "explain", plan_path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    errors = process.stderr.read()
    assert process.wait() == 141
    assert errors == b""
    process.stderr.close()


@pytest.mark.parametrize("output", ["spec.yaml", "tables.csv", "own.yaml", "link.yaml"])
def test_the_plan_is_not_written_over_what_it_is_made_of(run, write, tmp_path, output):
    write("name,rows,dim\na,100,8\n", "tables.csv")
    write("name: own\n", "own.yaml")
    spec = write("batch: {local: 8}\ntopology: dgx-h100\ntables_file: tables.csv\n", "spec.yaml")
    (tmp_path / "link.yaml").symlink_to(spec)
    path = tmp_path / output
    before = path.read_text()
    topology = ("--topology", tmp_path / "own.yaml") if output == "own.yaml" else ()
    result = run("solve", spec, *topology, "-o", path, "--method", "greedy")
    assert result.exit_code == 2
    assert "it is read here, and what it holds would be lost" in result.stderr
    assert path.read_text() == before


@pytest.mark.parametrize(
    ("nodes", "rows", "kernel", "groups"),
    [(1, 4_000, "fused", 8), (2, 1_000_000_000, "fused_uvm", 4)],
)
def test_solve_tells_the_memory_of_the_groups_that_it_chose(
    run, tmp_path, nodes, rows, kernel, groups
):
    """One device to a group, or half a node, whose part of the DDR is not that of all nodes."""

    def told(asked):
        replicas = {"groups": asked, "sync_every": 1_000_000, "order": "contiguous"}
        value = {
            "batch": {"local": 512},
            "topology": {"name": "dgx-h100", "nodes": nodes},
            "training": {"optimizer": "sgd", "replicas": replicas},
            "tables": [{"name": "a", "rows": rows, "dim": 64, "pooling": 4}],
            "constraints": [{"tables": "a", "kernels": kernel}],
        }
        spec = tmp_path / "groups.yaml"
        spec.write_text(json.dumps(value))
        result = run("solve", spec, "-o", tmp_path / "plan.json", "--node-limit", "5")
        assert result.exit_code == 0
        assert json.loads((tmp_path / "plan.json").read_text())["replicas"]["groups"] == groups
        return [line for line in result.stderr.splitlines() if "fullest memory" in line]

    assert told("auto") == told(groups) != []
