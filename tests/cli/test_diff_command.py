import json
import re
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "data" / "golden"


@pytest.fixture(scope="module")
def other_path(run, spec_path, tmp_path_factory):
    """A plan of the same tables on four nodes instead of two."""
    folder = tmp_path_factory.mktemp("other")
    spec = folder / "spec.yaml"
    spec.write_text(spec_path.read_text().replace("nodes: 2\n", "nodes: 4\n"))
    plan = folder / "plan.json"
    assert run("solve", spec, "-o", plan, "--method", "greedy").exit_code == 0
    return plan


def test_a_plan_does_not_differ_from_itself(run, plan_path):
    result = run("diff", plan_path, plan_path, "--exit-code")
    assert (result.exit_code, result.stdout) == (0, "small -> small: no difference\n")


def test_only_with_exit_code_a_difference_is_told_by_it(run, plan_path, other_path):
    assert run("diff", plan_path, other_path).exit_code == 0
    assert run("diff", plan_path, other_path, "--exit-code").exit_code == 1


def test_says_what_moves_what_it_costs_and_which_input_changed(run, plan_path, other_path):
    text = run("diff", plan_path, other_path).stdout
    assert "Another topology" in text
    assert "topology.nodes" in text
    for title in ("Step", "To move", "Tables", "Phases", "Devices"):
        assert f"\n{title}" in text


def test_has_each_format(run, plan_path, other_path):
    value = json.loads(run("diff", plan_path, other_path, "--format", "json").stdout)
    assert value["new_world_size"] == 8
    markdown = run("diff", plan_path, other_path, "--format", "markdown").stdout
    assert markdown.startswith("# small")


def test_one_of_the_plans_may_be_stdin(run, plan_path, other_path):
    text = plan_path.read_text()
    piped = run("diff", "-", other_path, stdin=text).stdout
    assert piped == run("diff", plan_path, other_path).stdout
    assert run("diff", "-", "-").exit_code == 2


def test_a_plan_without_its_spec_cannot_be_compared(run, plan_path, tmp_path):
    value = json.loads(plan_path.read_text())
    del value["resolved"]
    bare = tmp_path / "bare.json"
    bare.write_text(json.dumps(value))
    result = run("diff", plan_path, bare)
    assert result.exit_code == 2
    assert "holds no spec of its own" in result.stderr


def test_the_page_draws_both_steps_above_the_tables(run, plan_path):
    page = run("diff", plan_path, GOLDEN / "new.json", "--format", "html").stdout
    titles = re.findall("<h2>(.*?)</h2>", page)
    assert titles[:3] == ["The old step over time", "The new step over time", "Step"]


def test_the_page_of_equal_plans_draws_nothing(run, plan_path):
    page = run("diff", plan_path, plan_path, "--format", "html").stdout
    assert "<svg" not in page
    assert "no difference" in page
