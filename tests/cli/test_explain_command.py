import json
import os
import subprocess
import sys

import pytest

from shardplan.plan.file.read import read_plan


def test_explains_a_plan_by_itself(run, plan_path):
    result = run("explain", plan_path)
    assert (result.exit_code, result.stderr) == (0, "")
    for title in ("Step", "Phases", "Devices", "The 8 costliest tables", "Where each table went"):
        assert f"\n{title}" in result.stdout


def test_reads_the_plan_from_stdin(run, plan_path):
    text = plan_path.read_text()
    assert run("explain", "-", stdin=text).stdout == run("explain", plan_path).stdout


@pytest.mark.parametrize("what", [[], ["--table", "history"], ["--device", "1"]])
def test_each_view_has_each_format(run, plan_path, what):
    assert json.loads(run("explain", plan_path, *what, "--format", "json").stdout)
    assert run("explain", plan_path, *what, "--format", "markdown").stdout.startswith("# ")
    assert run("explain", plan_path, *what).exit_code == 0


def test_top_limits_the_costliest_tables(run, plan_path):
    assert "The 2 costliest tables" in run("explain", plan_path, "--top", "2").stdout
    assert "costliest tables" not in run("explain", plan_path, "--top", "0").stdout


def test_width_is_kept(run, plan_path):
    text = run("explain", plan_path, "--width", "130").stdout
    assert max(map(len, text.splitlines())) <= 130
    assert max(map(len, run("explain", plan_path).stdout.splitlines())) > 130


def test_colour_only_where_it_is_wanted(run, plan_path, monkeypatch):
    assert "\x1b" not in run("explain", plan_path).stdout
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in run("explain", plan_path).stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run("explain", plan_path).stdout


def test_bars_are_legible_in_ascii(plan_path):
    done = subprocess.run(
        [sys.executable, "-m", "shardplan", "explain", plan_path],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        check=True,
    )
    text = done.stdout.decode("ascii")
    assert "  ####################  " in text
    assert "?" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--table", "histroy"], "did you mean 'history'?"),
        (["--device", "4"], "ranks are 0 to 3"),
        (["--device", "-1"], "ranks are 0 to 3"),
        (["--device", "1", "--table", "history"], "exclude one another"),
        (["--format", "xml"], "'xml' is not one of"),
    ],
)
def test_wrong_options_say_what_is_right(run, plan_path, arguments, message):
    result = run("explain", plan_path, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize("command", ["explain", "verify"])
@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format_version": "9.0"}', "not json", "\x00"])
def test_no_bad_plan_file_ends_in_a_traceback(run, write, command, text):
    for result in (run(command, write(text, "plan.json")), run(command, "-", stdin=text)):
        assert result.exit_code == 2
        assert ": error: " in result.stderr
        assert "internal error" not in result.stderr


@pytest.mark.parametrize("command", ["explain", "verify"])
def test_a_plan_in_no_text_encoding_is_refused(run, command):
    result = run(command, "-", stdin=b"\xff\xfe\xfa")
    assert result.exit_code == 2
    assert "is not UTF-8" in result.stderr


def test_an_illegal_plan_is_refused_with_a_way_to_learn_more(run, plan_path, write):
    value = json.loads(plan_path.read_text())
    tables = next(iter(value["plan"].values()))
    del tables[next(iter(tables))]
    result = run("explain", write(json.dumps(value), "plan.json"))
    assert result.exit_code == 2
    assert "shardplan verify" in result.stderr


def test_a_good_plan_is_verified_in_one_line(run, plan_path):
    result = run("verify", plan_path)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"{plan_path}: good: all 8 tables are covered once")
    assert result.stdout.count("\n") == 1


def test_findings_are_listed_counted_and_fail(run, plan_path, write):
    value = json.loads(plan_path.read_text())
    value["prediction"]["step_seconds"] *= 2
    bad = write(json.dumps(value), "plan.json")
    result = run("verify", bad)
    assert result.exit_code == 1
    assert "prediction: prediction.step_seconds: is" in result.stdout
    assert result.stderr.endswith(" findings\n")
    listed = json.loads(run("verify", bad, "--format", "json").stdout)["findings"]
    assert len(listed) == len(result.stdout.splitlines())


def test_a_plan_is_stale_under_a_changed_spec(run, plan_path, spec_path, write):
    assert run("verify", plan_path, spec_path).exit_code == 0
    changed = write(spec_path.read_text().replace("rows: 50_000", "rows: 60_000"))
    result = run("verify", plan_path, changed)
    assert result.exit_code == 1
    assert "was 50000, is 60000" in result.stdout


def test_plan_and_spec_cannot_both_be_stdin(run):
    assert run("verify", "-", "-").exit_code == 2


def test_the_numbers_of_the_json_are_those_of_the_plan(run, plan_path):
    plan = read_plan(plan_path)
    value = json.loads(run("explain", plan_path, "--format", "json").stdout)
    assert value["step_seconds"] == plan.prediction.step_seconds
    assert {p["name"]: p["seconds"] for p in value["phases"]} == plan.prediction.phases
    assert [d["hbm"]["used_bytes"] for d in value["devices"]] == [
        rank.memory_bytes.hbm for rank in plan.prediction.ranks
    ]


def test_selects_tables_by_glob(run, plan_path):
    result = run("explain", plan_path, "--select", "*_id", "--select", "query")
    assert result.stdout.startswith("*_id, query: 3 of 8 tables")
    assert run("explain", plan_path, "--select", "nobody").exit_code == 2
    value = json.loads(run("explain", plan_path, "--select", "*_id", "--format", "json").stdout)
    assert len(value["tables"]) == 2


def test_holds_measured_beside_predicted(run, plan_path, write):
    file = write('{"phases": {"lookup_forward": 0.001}}', "measured.json")
    result = run("explain", plan_path, "--measured", file)
    assert result.stdout.startswith("small: predicted beside measured")
    assert run("explain", plan_path, "--measured", file, "--table", "query").exit_code == 2
    assert run("explain", plan_path, "--measured", "nowhere.json").exit_code == 2


@pytest.mark.parametrize("what", [[], ["--table", "history"], ["--select", "*"]])
def test_makes_a_page(run, plan_path, what):
    text = run("explain", plan_path, *what, "--format", "html").stdout
    assert text.startswith("<!DOCTYPE html>")
    assert text.endswith("</html>\n")
