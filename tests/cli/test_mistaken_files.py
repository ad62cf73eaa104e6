"""One file taken for another, and what is said then."""

import pytest


@pytest.mark.parametrize("command", [["explain"], ["verify"], ["diff", "PLAN"]])
def test_a_spec_in_place_of_a_plan_is_told_from_one(run, spec_path, plan_path, command):
    words = [plan_path if word == "PLAN" else word for word in command]
    result = run(*words, spec_path)
    assert result.exit_code == 2
    assert "it looks like a spec, of which shardplan solve makes a plan" in result.stderr


@pytest.mark.parametrize("command", ["solve", "check"])
def test_a_plan_in_place_of_a_spec_is_told_from_one(run, plan_path, command):
    result = run(command, plan_path)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{plan_path}:1:1: error: is a plan, not a spec\n")
    assert "1 error" in result.stderr


@pytest.mark.parametrize(
    ("text", "hint"), [("", "the file is empty"), ('{"format_version": "1.0"', "cut off")]
)
def test_a_plan_that_was_never_finished_is_told_from_others(run, write, text, hint):
    result = run("explain", write(text, "plan.json"))
    assert result.exit_code == 2
    assert hint in result.stderr


def test_a_plan_in_place_of_measurements_is_refused(run, plan_path):
    result = run("explain", plan_path, "--measured", plan_path)
    assert result.exit_code == 2
    assert "holds nothing that was measured" in result.stderr


@pytest.mark.parametrize(
    ("name", "hint"), [("ITEM_ID", "did you mean 'item_id'?"), ("item*", "--select takes globs")]
)
def test_a_table_that_is_not_there_leads_to_what_is(run, plan_path, name, hint):
    result = run("explain", plan_path, "--table", name)
    assert result.exit_code == 2
    assert hint in result.stderr
