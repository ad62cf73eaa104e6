"""No input reaches a terminal unspelled, whichever way it comes."""

import json
import re
from pathlib import Path

import pytest

import shardplan
from shardplan.cli.reports.progress import LineReporter
from shardplan.printable import printable

BAD = "\x1b]0;owned\x07\u202e\x9b31m"


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", BAD),
        ("solve", f"{BAD}.yaml", "-o", "plan.json"),
        ("explain", f"{BAD}.json"),
        (BAD,),
        ("check", f"--{BAD}"),
        ("solve", "a", BAD),
        (f"--{BAD}",),
        ("list", BAD),
        ("list", "topologies", "--show", BAD),
        ("solve", "spec.yaml", "--gap", BAD),
        ("schema", BAD),
    ],
)
def test_arguments_are_spelled_out(run, arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert printable(result.stderr) == result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("form", ["table", "json", "markdown", "html"])
def test_names_in_plans_are_spelled_out_in_every_format(run, plan_path, write, form):
    plan = json.loads(plan_path.read_text(encoding="utf-8")) | {"name": BAD}
    path = write(json.dumps(plan), "plan.json")
    for verb in (("explain", path), ("verify", path), ("diff", path, plan_path)):
        result = run(*verb, "--format", form)
        assert printable(result.stdout + result.stderr) == result.stdout + result.stderr


def test_json_keeps_the_value(run, plan_path, write):
    plan = json.loads(plan_path.read_text(encoding="utf-8")) | {"name": BAD}
    result = run("explain", write(json.dumps(plan), "plan.json"), "--format", "json")
    assert json.loads(result.stdout)["name"] == BAD


def test_headers_and_cells_of_tables_files_are_spelled_out(run, write):
    write(f"name,rows,{BAD}\na,1,2\n", "tables.csv")
    spec = 'batch: {local: 5}\ntopology: {name: cpu-2s}\ntables_file: "%s"\n'
    for name in ("tables.csv", BAD.replace("\\", "").encode("unicode_escape").decode()):
        result = run("check", write(spec % name))
        assert result.exit_code == 2
        assert printable(result.stderr) == result.stderr


def test_pages_run_no_scripts_and_load_nothing(run, plan_path):
    page = run("explain", plan_path, "--format", "html").stdout
    assert "default-src 'none'" in page
    assert "script" not in page.lower()


def test_twenty_findings_are_shown_and_the_rest_is_counted(run, plan_path, write):
    plan = json.loads(plan_path.read_text(encoding="utf-8"))
    for tables in plan["plan"].values():
        for entry in tables.values():
            for shard in entry.get("shards", []):
                shard["placement"] = "nowhere"
            entry["shards"] = entry.get("shards", []) * 9
    result = run("verify", write(json.dumps(plan), "plan.json"))
    lines = result.stdout.splitlines()
    assert len(lines) == 21
    assert lines[-1].startswith("... and ")


@pytest.mark.parametrize("others", [(), ("wrong.yaml", "other.yaml")], ids=["one", "several"])
def test_names_of_files_are_spelled_out_in_what_solve_says(run, write, spec_path, others):
    spec = spec_path.read_text(encoding="utf-8")
    paths = [write(spec, f"spec{BAD[:4]}\u202e.yaml".replace("/", ""))]
    paths += [write("batch: 3\n" if name == "wrong.yaml" else spec, name) for name in others]
    folder = paths[0].parent / f"plans{BAD}"
    folder.mkdir(exist_ok=True)
    output = folder if others else folder / "plan.json"
    result = run("solve", *paths, "-o", output, "--method", "greedy")
    assert result.exit_code == (2 if others else 0)
    assert printable(result.stdout + result.stderr) == result.stdout + result.stderr
    assert "written" in result.stderr


def test_lines_of_a_running_solve_are_spelled_out():
    said = []
    reporter = LineReporter(said.append, clock=iter((0.0, 2.0, 2.0, 2.0)).__next__)
    reporter.say(f"plan{BAD}\n.json written")
    assert said == [printable(f"plan{BAD}\\n.json written")]


WRITERS = {
    "cli/output.py", "executor/train/tell.py",
    "executor/train/progress.py", "executor/steps/command.py",
}  # fmt: skip
"""Who writes to stdout and stderr; the last two write numbers alone."""


def test_nobody_else_writes_to_a_terminal():
    """All others call them, so that nothing goes out as it came in."""
    package = Path(shardplan.__file__).parent
    found = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search(r"click\.s?echo\(|(?<![\w.])print\(", path.read_text(encoding="utf-8"))
    }
    assert found == WRITERS
