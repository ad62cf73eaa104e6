"""Plans side by side, also those that a hand or a disk has changed."""

import json

import pytest
import yaml
from rich.cells import cell_len

FOLDER = "experiments_of_somebody_who_likes_long_names"
LABEL = f"{FOLDER}/" + "plan_of_another_experiment_{}.json"


@pytest.fixture(scope="module")
def folder(run, spec_path, tmp_path_factory):
    """A folder with plans of long names; the last is of a framework."""
    path = tmp_path_factory.mktemp("compared")
    (path / FOLDER).mkdir()
    spec = yaml.safe_load(spec_path.read_text(encoding="utf-8"))
    for number in range(5):
        spec["batch"] = {"local": 256 * (number + 1)}
        if number == 4:
            spec["training"]["framework"] = "torchrec-eager"
        (path / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
        plan = path / LABEL.format(number)
        result = run("solve", path / "spec.json", "-o", plan, "--method", "greedy", "-q")
        assert result.exit_code == 0, result.stderr
    return path


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("count", [2, 3, 5, 9])
def test_no_line_is_wider_however_many_plans_there_are(run, folder, monkeypatch, count, width):
    monkeypatch.chdir(folder)
    plans = [LABEL.format(number % 5) for number in range(count)]
    result = run("compare", *plans, "--width", width)
    assert result.exit_code == 0, result.stderr
    assert [line for line in result.stdout.splitlines() if cell_len(line) > width] == []
    for needed in ("samples/s", "step", "fullest HBM", "bottleneck", "gap"):
        assert needed in result.stdout


def test_of_many_plans_each_value_stands_with_those_that_have_it(run, folder, monkeypatch):
    monkeypatch.chdir(folder)
    plans = [LABEL.format(number) for number in (0, 1, 2, 3, 0)]
    result = run("compare", *plans, "--format", "markdown")
    assert f"| batch.local | 256 | {LABEL.format(0)}, {LABEL.format(0)} |" in result.stdout


def test_the_bottleneck_is_what_the_step_waits_for(run, folder, monkeypatch):
    """With a framework that is the host's chain, beside which all phases of the devices hide."""
    monkeypatch.chdir(folder)
    result = run("compare", LABEL.format(0), LABEL.format(4), "--format", "json")
    first, last = json.loads(result.stdout)["plans"]
    assert first["bottleneck"] != "host"
    assert last["bottleneck"] == "host"
    assert last["bottleneck_seconds"] == pytest.approx(last["step_seconds"])
    keys = [line["where"] for line in json.loads(result.stdout)["keys"]]
    assert [key for key in keys if "framework" in key] == ["training.framework.name"]


@pytest.mark.parametrize("form", ["table", "json", "markdown", "html"])
def test_a_plan_whose_ranks_lack_a_phase_is_still_compared(run, plan_path, write, form):
    plan = json.loads(plan_path.read_text(encoding="utf-8"))
    for phase in plan["prediction"]["phases"]:
        del plan["prediction"]["ranks"][1]["phases"][phase]
    edited = write(json.dumps(plan), "edited.json")
    result = run("compare", plan_path, edited, "--format", form)
    assert result.exit_code == 0, result.stderr
    assert "edited.json" in result.stdout
