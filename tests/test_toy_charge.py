"""A phase that charges once per sharding type: planned with, predicted, explained and verified."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
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
from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.spec.fields.figure import Figure
from shardplan.spec.fields.quantities import Seconds

DATA = Path(__file__).parent / "data" / "explain"


class HandshakeFile(PhaseFile):
    """What a cost-model file says of it."""

    per_type: Figure[Seconds]


@dataclass(frozen=True, slots=True)
class Handshake(LinearPhase):
    """Devices tell each other how many ids they send, for each sharding type in use."""

    about = Phase("handshake", "devices agree on the sizes of what they send")
    file = HandshakeFile
    figures: HandshakeFile

    @classmethod
    def of(cls, setting):
        figures = setting.profile.of_phase(HandshakeFile)
        return None if figures is None else cls(figures)

    def unit_seconds(self, units, devices):
        return np.zeros(len(units.options))

    def charge_seconds(self, groups):
        return np.full(len(groups), self.figures.per_type.value)


@pytest.fixture(scope="module", autouse=True)
def handshake():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(all_phases, "PHASES", (*all_phases.PHASES, Handshake))
        yield


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    """Plans of four tables on four devices, by what a sharding type in use is charged."""
    tmp_path = tmp_path_factory.mktemp("charged")

    @cache
    def solve(per_type, without=""):
        value = yaml.safe_load((DATA / "spec.yaml").read_text(encoding="utf-8"))
        value["tables"] = value["tables"][:4]
        types = [kind.name for kind in SHARDING_TYPES if kind.name != without]
        value["constraints"] = [{"tables": "*", "kernels": ["fused"], "sharding": types}]
        value["cost_model"]["handshake"] = {"per_type": per_type}
        spec, plan = tmp_path / "spec.yaml", tmp_path / f"plan-{per_type}-{without}.json"
        spec.write_text(yaml.safe_dump(value))
        run("solve", spec, "-o", plan, "--method", "greedy")
        return plan

    return solve


def run(*arguments, code=0):
    result = CliRunner().invoke(cli, [str(each) for each in arguments])
    assert result.exit_code == code, result.output
    return result


def types_in(value):
    return {
        (module, entry["sharding_type"])
        for module, tables in value["plan"].items()
        for entry in tables.values()
    }


@pytest.mark.parametrize("per_type", ["1us", "20ms"])
def test_the_prediction_with_charges_is_the_solvers_objective(solved, per_type):
    value = json.loads(solved(per_type).read_text())
    seconds = float(per_type[:-2]) * {"us": 1e-6, "ms": 1e-3}[per_type[-2:]]
    forecast = value["prediction"]
    assert value["optimality"]["objective_seconds"] == forecast["step_seconds"]
    assert forecast["phases"]["handshake"] == pytest.approx(seconds * len(types_in(value)))
    assert [charge["phases"] for charge in forecast["charges"]] == [{"handshake": seconds}] * len(
        types_in(value)
    )


def test_a_dear_charge_leaves_one_sharding_type(solved):
    few = types_in(json.loads(solved("20ms").read_text()))
    assert len(few) == len({module for module, _ in few})


@pytest.mark.parametrize(
    "edit",
    [
        lambda charges: charges[0]["phases"].update(handshake=0.04),
        lambda charges: charges[0]["phases"].update(another=0.01),
        lambda charges: charges[0]["phases"].clear(),
        lambda charges: charges[0].update(group="another"),
        lambda charges: charges.append(charges[0]),
        lambda charges: charges.append({"group": "another", "phases": {}}),
    ],
    ids=["dearer", "in another phase", "of nothing", "renamed", "twice", "one more"],
)
def test_a_plan_with_charges_is_verified_and_an_edited_charge_is_found(solved, tmp_path, edit):
    plan = solved("20ms")
    run("verify", plan)
    value = json.loads(plan.read_text())
    edit(value["prediction"]["charges"])
    edited = tmp_path / "edited.json"
    edited.write_text(json.dumps(value))
    assert "prediction.charges" in run("verify", edited, code=1).output


def test_an_explanation_says_what_a_group_costs_and_saves(solved):
    plan = solved("20ms")
    value = json.loads(run("explain", plan, "--format", "json").stdout)
    assert [charge["costs_seconds"] for charge in value["charges"]] == [pytest.approx(0.02)] * len(
        types_in(json.loads(plan.read_text()))
    )
    (line,) = [phase for phase in value["phases"] if phase["name"] == "handshake"]
    assert line["charge_seconds"] == line["seconds"]
    assert "Charges" in run("explain", plan).stdout


def test_a_solve_without_a_group_is_between_what_is_proven_and_what_is_found(solved):
    """The spec forbids the sharding type there; the price knows it from the plan alone."""
    prices = json.loads(run("explain", solved("1us"), "--format", "json").stdout)["charges"]
    price = next(price for price in prices if not price["is_needed"])
    without = json.loads(solved("1us", without=price["group"]).read_text())["optimality"]
    assert without["objective_seconds"] >= price["least_without_seconds"]
    assert without["lower_bound_seconds"] <= price["without_seconds"]
    assert price["costs_seconds"] == pytest.approx(1e-6)


def test_why_not_names_the_group_that_would_be_paid_for_besides(solved):
    plan = solved("20ms")
    value = json.loads(plan.read_text())
    tables = next(iter(value["plan"].values()))
    table, entry = next(iter(tables.items()))
    other = "row_wise" if entry["sharding_type"] != "row_wise" else "table_wise"
    found = json.loads(
        run("explain", plan, "--why-not", f"{table}={other}", "--format", "json").stdout
    )
    opened = [change for change in found["fixed"]["charges"] if change["seconds"] > 0]
    assert [change["seconds"] for change in opened] == [pytest.approx(0.02)]
    assert other in opened[0]["group"]
