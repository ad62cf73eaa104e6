"""Plans side by side, also those that a hand or a disk has changed."""

import json

import pytest


@pytest.mark.parametrize("form", ["table", "json", "markdown", "html"])
def test_a_plan_whose_ranks_lack_a_phase_is_still_compared(run, plan_path, write, form):
    plan = json.loads(plan_path.read_text(encoding="utf-8"))
    for phase in plan["prediction"]["phases"]:
        del plan["prediction"]["ranks"][1]["phases"][phase]
    edited = write(json.dumps(plan), "edited.json")
    result = run("compare", plan_path, edited, "--format", form)
    assert result.exit_code == 0, result.stderr
    assert "edited.json" in result.stdout
