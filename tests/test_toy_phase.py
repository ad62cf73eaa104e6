"""A phase that is registered from here alone: planned with, explained, measured and verified."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from shardplan.cli.main import cli
from shardplan.cost.analytic.linear_phase import LinearPhase
from shardplan.cost.analytic.phases import all_phases
from shardplan.cost.phase import Phase
from shardplan.cost.profile.phase_file import PhaseFile
from shardplan.json_schema import json_schema
from shardplan.spec.fields.figure import Figure
from shardplan.spec.fields.quantities import Seconds

DATA = Path(__file__).parent / "data" / "explain"
MEANING = "pooled outputs are put in the order of the features"


class RegroupFile(PhaseFile):
    """What a cost-model file says of it."""

    launch: Figure[Seconds]
    per_output: Figure[Seconds]


@dataclass(frozen=True, slots=True)
class Regroup(LinearPhase):
    """Pooled outputs in the order of the features, which the framework copies one by one."""

    about = Phase("regroup", MEANING)
    file = RegroupFile
    figures: RegroupFile

    @classmethod
    def of(cls, setting):
        figures = setting.profile.of_phase(RegroupFile)
        return None if figures is None else cls(figures)

    @property
    def phase(self):
        return replace(self.about, constant_seconds=self.figures.launch.value)

    def unit_seconds(self, units, devices):
        return self.figures.per_output.value * units.shares.bags


@pytest.fixture
def spec_value():
    """Three tables, each whole on one of four devices, as plain values."""
    value = yaml.safe_load((DATA / "spec.yaml").read_text(encoding="utf-8"))
    value["tables"] = value["tables"][1:4]
    value["constraints"] = [{"tables": "*", "sharding": ["table_wise"], "kernels": ["fused"]}]
    return value


@pytest.fixture
def toy_phase(monkeypatch):
    monkeypatch.setattr(all_phases, "PHASES", (*all_phases.PHASES, Regroup))


@pytest.fixture
def spec(spec_value, tmp_path):
    """With figures of the toy phase."""
    spec_value["cost_model"]["regroup"] = {"launch": "7us", "per_output": "10ns"}
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(spec_value))
    return path


@pytest.fixture
def plan(toy_phase, spec, tmp_path):
    path = tmp_path / "plan.json"
    run("solve", spec, "-o", path)
    return path


def run(*arguments, code=0):
    result = CliRunner().invoke(cli, [str(each) for each in arguments])
    assert result.exit_code == code, result.output
    return result


def test_the_prediction_is_the_solvers_objective(plan):
    value = json.loads(plan.read_text())
    assert value["optimality"]["objective_seconds"] == value["prediction"]["step_seconds"]
    assert list(value["prediction"]["phases"])[-1] == "regroup"


def test_its_seconds_are_those_of_the_units_on_the_slowest_device(plan):
    """10 ns for each of 8192 samples and each feature that a device pools, and one launch."""
    value = json.loads(plan.read_text())
    features = {table["name"]: len(table["features"]) for table in value["tables"]}
    pooled = np.zeros(value["world_size"])
    for tables in value["plan"].values():
        for name, entry in tables.items():
            for rank in entry["ranks"]:
                pooled[rank] += features[name] * 8192
    assert value["prediction"]["phases"]["regroup"] == pytest.approx(7e-6 + 1e-8 * pooled.max())


def test_a_plan_with_it_is_verified(plan):
    assert run("verify", plan).exit_code == 0


@pytest.mark.parametrize("form", ["table", "json", "markdown", "html"])
def test_every_form_of_an_explanation_names_it(plan, form):
    assert "regroup" in run("explain", plan, "--format", form).stdout


def test_an_explanation_says_what_it_means(plan):
    (found,) = [
        phase
        for phase in json.loads(run("explain", plan, "--format", "json").stdout)["phases"]
        if phase["name"] == "regroup"
    ]
    assert found["meaning"] == MEANING
    assert found["constant_seconds"] == pytest.approx(7e-6)


def test_it_stands_beside_what_a_run_measured(plan, tmp_path):
    measured = tmp_path / "measured.json"
    measured.write_text(json.dumps({"phases": {"regroup": 0.001}}))
    value = json.loads(run("explain", plan, "--measured", measured, "--format", "json").stdout)
    (found,) = [phase for phase in value["phases"] if phase["name"] == "regroup"]
    assert found["measured_seconds"] == 0.001
    assert found["predicted_seconds"] == pytest.approx(
        json.loads(plan.read_text())["prediction"]["phases"]["regroup"]
    )


def test_a_profile_without_its_figures_has_no_such_phase(toy_phase, spec_value, tmp_path):
    path, out = tmp_path / "spec.yaml", tmp_path / "plan.json"
    path.write_text(yaml.safe_dump(spec_value))
    run("solve", path, "-o", out, "--method", "greedy")
    assert "regroup" not in json.loads(out.read_text())["prediction"]["phases"]


def test_its_key_is_unknown_where_it_is_not_registered(spec):
    assert "cost_model.regroup: unknown key" in run("check", spec, code=2).stderr


def test_faults_of_its_figures_are_told_with_their_line(toy_phase, spec):
    spec.write_text(spec.read_text().replace("7us", "7"))
    assert "cost_model.regroup.launch" in run("check", spec, code=2).stderr


def test_the_schema_of_cost_models_has_its_key(toy_phase):
    analytic = json_schema("cost-model")["anyOf"][0]
    assert "regroup" in str(analytic)
