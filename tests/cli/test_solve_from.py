import json

import pytest

from shardplan.units import format_bytes


@pytest.fixture(scope="module")
def old_path(run, spec_path, tmp_path_factory):
    """A plan that leaves something to gain."""
    path = tmp_path_factory.mktemp("old") / "old.json"
    assert run("solve", spec_path, "--method", "greedy-size", "-o", path).exit_code == 0
    return path


def solve_from(run, spec_path, old_path, *more):
    return run("solve", spec_path, "--from", old_path, "--time-limit", "1s", *more)


def test_moves_no_more_than_the_budget(run, spec_path, old_path):
    result = solve_from(run, spec_path, old_path, "--move-budget", "200MiB")
    assert result.exit_code == 0, result.stderr
    plan, old = json.loads(result.stdout), json.loads(old_path.read_text())
    assert plan["moves"]["moved_bytes"] <= plan["moves"]["budget_bytes"] == 200 * 2**20
    assert plan["prediction"]["step_seconds"] <= old["prediction"]["step_seconds"]
    assert "the bound is of plans that move at most 200.0 MiB" in result.stderr
    assert run("verify", "-", spec_path, stdin=result.stdout).exit_code == 0


def test_keep_moves_nothing(run, spec_path, old_path, tmp_path):
    new = tmp_path / "new.json"
    assert solve_from(run, spec_path, old_path, "--keep", "-o", new).exit_code == 0
    assert json.loads(new.read_text())["moves"]["moved_bytes"] == 0
    diff = json.loads(run("diff", old_path, new, "--format", "json").stdout)
    assert sum(t["within_node_bytes"] + t["across_node_bytes"] for t in diff["tables"]) == 0


def test_without_a_budget_the_bound_is_of_all_plans(run, spec_path, old_path):
    plan = json.loads(solve_from(run, spec_path, old_path, "--method", "greedy").stdout)
    assert "budget_bytes" not in plan["moves"]
    old = json.loads(old_path.read_text())
    assert plan["prediction"]["step_seconds"] <= old["prediction"]["step_seconds"]


def test_it_says_what_moves_and_what_moving_more_would_gain(run, spec_path, old_path):
    result = solve_from(run, spec_path, old_path, "--gap", "99%")
    assert json.loads(result.stdout)["moves"]["moved_bytes"] == 0
    assert "  moves 0 B from the old plan" in result.stderr
    result = solve_from(run, spec_path, old_path, "--gap", "0.01%")
    moved = json.loads(result.stdout)["moves"]["moved_bytes"]
    assert moved > 0
    assert f"  moves {format_bytes(moved)} from the old plan" in result.stderr


def test_what_does_not_pay_for_itself_in_time_does_not_move(run, spec_path, old_path):
    moved = {}
    for span in ("1 step", "1d"):
        result = solve_from(run, spec_path, old_path, "--gap", "0.01%", "--amortise", span)
        assert result.exit_code == 0, result.stderr
        moves = json.loads(result.stdout)["moves"]
        moved[span] = moves["moved_bytes"]
        assert moves["seconds_per_byte"] > 0
    assert moved["1 step"] < moved["1d"]
    assert moves["paid_over_steps"] > 1e6


@pytest.mark.parametrize("span", ["1", "0 steps", "0s", "some steps", "-1 steps", "1e999 steps"])
def test_a_span_that_is_none_is_wrong_usage(run, spec_path, old_path, span):
    result = solve_from(run, spec_path, old_path, f"--amortise={span}")
    assert result.exit_code == 2
    assert "for example 1d or '10000 steps'" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [["--keep"], ["--amortise", "1d"], ["--from", "x", "--keep", "--amortise", "1d"],
     ["--from", "x", "--move-budget", "1GiB", "--amortise", "1d"],
     ["--move-budget", "1GiB"], ["--from", "x", "--keep", "--move-budget", "1GiB"],
     ["--from", "x", "--move-budget", "1"]],
)  # fmt: skip
def test_options_that_do_not_go_together_are_wrong_usage(run, spec_path, arguments):
    assert run("solve", spec_path, *arguments).exit_code == 2


MOVING = """\
name: move
batch: {{local: 512}}
topology: {{name: dgx-a100, nodes: 1}}
training: {{optimizer: adam}}
tables: [{{name: table_0, rows: 1_000_000, dim: 64}}]
constraints: [{{tables: table_0, sharding: column_wise, ranks: {ranks}}}]
"""
"""A table of 768 MB on two ranks, half on each; half of it moves when one of the ranks does."""


@pytest.mark.parametrize("budget", [(), ("--move-budget", "400MB")])
def test_of_a_table_larger_than_the_budget_only_the_half_moves_that_must(
    run, write, tmp_path, budget
):
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    first = write(MOVING.format(ranks="[1, 2]"), "first.yaml")
    second = write(MOVING.format(ranks="[0, 1]"), "second.yaml")
    assert run("solve", first, "-o", old).exit_code == 0
    result = run("solve", second, "--from", old, *budget, "-o", new)
    assert result.exit_code == 0, result.stderr
    diff = json.loads(run("diff", old, new, "--format", "json").stdout)
    assert sum(t["within_node_bytes"] for t in diff["tables"]) == 384_000_000
    assert diff["relabelling"] is None


def test_what_it_says_to_move_is_what_diff_says(run, spec_path, old_path, tmp_path):
    new = tmp_path / "new.json"
    assert solve_from(run, spec_path, old_path, "--move-budget", "1GiB", "-o", new).exit_code == 0
    diff = json.loads(run("diff", old_path, new, "--format", "json").stdout)
    moved = sum(t["within_node_bytes"] + t["across_node_bytes"] for t in diff["tables"])
    assert json.loads(new.read_text())["moves"]["moved_bytes"] == moved
    assert diff["relabelling"] is None
