"""What a spec may say of a sizing, and what is said where it is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from draft07 import faults as json_faults

from shardplan.build_case import build_case
from shardplan.errors import InputError
from shardplan.json_schema import json_schema
from shardplan.size.space.build_space import build_space
from shardplan.size.space.candidate import Candidate
from shardplan.spec.fields.money import Money
from shardplan.spec.load import load_spec, spec_from_value

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
batch: {global: 64}
topology: dgx-h100
tables: [{name: t, rows: 1000, dim: 16}]
size:
"""


def faults(text: str, tmp_path: Path) -> list[str]:
    """Each as ``line:column: path: message``."""
    file = tmp_path / "s.yaml"
    file.write_text(HEAD + text)
    with pytest.raises(InputError) as caught:
        build_space(load_spec(str(file)))
    return [f"{d.line}:{d.column}: {d.path}: {d.message}" for d in caught.value.diagnostics]


def spec(**size: Any) -> dict[str, Any]:
    """A spec with a sizing."""
    return {
        "batch": {"global": 64},
        "topology": "dgx-h100",
        "tables": [{"name": "t", "rows": 1000, "dim": 16}],
        "size": {"machines": "dgx-h100", **size},
    }


def candidates(**size: Any) -> tuple[Candidate, ...]:
    return build_space(spec_from_value(spec(**size), "spec")).candidates


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("  machines: {topology: dgx-h100, price: 49}",
         "5:41: size.machines.price: must be an amount with a currency and /h (got 49)"),
        ("  machines: {topology: dgx-h100, price: 49USD}",
         "5:41: size.machines.price: must be an amount per h (got '49USD')"),
        ("  machines:\n  - {topology: dgx-h100, price: 1USD/h}\n  - {topology: dgx-a100}",
         "7:5: size.machines[1]: has no price, and others have"),
        ("  machines:\n  - {topology: dgx-h100, price: 1USD/h}\n"
         "  - {topology: dgx-a100, price: 1EUR/h}",
         "7:5: size.machines[1]: is paid in EUR, others in USD"),
        ("  machines: {topology: dgx-h199}",
         "5:24: size.machines.topology: unknown topology 'dgx-h199'"),
        ("  machines: dgx-h100\n  target: {throughput: 1, step: 3ms}",
         "6:11: size.target: must have exactly one of 'throughput', 'within' and 'step'"),
        ("  machines: dgx-h100\n  target: {within: 3min}",
         "6:11: size.target: does not say how many samples"),
        ("  machines: {topology: dgx-h100, nodes: {min: 4, max: 2}}",
         "5:55: size.machines.nodes.max: must be at least min, 4"),
        ("  machines: {topology: gb200-nvl72, nodes: [27]}",
         "5:44: size.machines.nodes: 27 nodes do not divide into scale-up domains of 18"),
        ("  machines: [dgx-h100, dgx-h100]",
         "5:24: size.machines[1]: another machine is called 'dgx-h100'"),
        ("  machines: dgx-h100\n  samples_to_target: [[64, 2e9], [32, 1e9]]",
         "6:22: size.samples_to_target: must be pairs whose batches rise"),
        ("  machines: dgx-h100\n  machines_too: 1",
         "6:3: size.machines_too: unknown key 'machines_too'"),
    ],
)  # fmt: skip
def test_a_fault_is_told_where_it_stands(text: str, said: str, tmp_path: Path) -> None:
    assert faults(text, tmp_path) == [said]


def test_faults_of_all_machines_come_at_once(tmp_path: Path) -> None:
    text = "  machines: [dgx-h199, {topology: dgx-h100, cost_model: h99}]"
    assert [fault.split(": ")[1] for fault in faults(text, tmp_path)] == [
        "size.machines[0].topology", "size.machines[1].cost_model",
    ]  # fmt: skip


def test_a_spec_without_a_sizing_says_so(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(HEAD.removesuffix("size:\n"))
    with pytest.raises(InputError, match="says nothing of size"):
        build_space(load_spec(str(file)))


def test_nodes_are_powers_of_two_and_the_ends_or_what_is_listed() -> None:
    def nodes(value: Any) -> list[int]:
        machine = {"topology": "dgx-h100", "nodes": value}
        return [c.nodes for c in candidates(machines=[machine], batch={"local": 8})]

    assert nodes({"min": 3, "max": 20}) == [3, 4, 8, 16, 20]
    assert nodes({"min": 2, "max": 8, "step": 3}) == [2, 5, 8]
    assert nodes([4, 1, 4]) == [1, 4]
    assert nodes(2) == [2]


def test_candidates_are_machines_by_batches_by_groups_by_nodes() -> None:
    machine = {"topology": "dgx-h100", "nodes": [1, 2]}
    found = candidates(machines=[machine], batch=[64, {"local": 16}], replicas=[1, 2])
    assert found == (
        Candidate(0, 64, 1, 1), Candidate(0, 64, 1, 2), Candidate(0, 64, 2, 1),
        Candidate(0, 64, 2, 2), Candidate(0, 128, 1, 1), Candidate(0, 128, 2, 1),
        Candidate(0, 256, 1, 2), Candidate(0, 256, 2, 2),
    )  # fmt: skip


def test_what_there_cannot_be_is_told_apart() -> None:
    machine = {"topology": "dgx-h100", "nodes": [1, 3]}
    space = build_space(spec_from_value(spec(machines=[machine], replicas=[1, 3]), "spec"))
    assert [why for _, why in space.excluded] == [
        "64 samples are no whole number on each of 24 devices",
        "8 devices are not 3 groups of equal size",
        "64 samples are no whole number on each of 24 devices",
    ]


def test_the_case_of_a_candidate_is_the_spec_on_that_machine() -> None:
    machines = [{"topology": "dgx-a100", "nodes": [2]}]
    space = build_space(spec_from_value(spec(machines=machines, replicas=[2]), "spec"))
    case = space.case(space.candidates[0])
    assert (case.machine.file.name, case.machine.nodes) == ("dgx-a100", 2)
    assert (case.topology.groups, case.samples, case.pricing.value["name"]) == (2, 64, "a100")


def test_a_plan_does_not_carry_what_is_asked_of_size() -> None:
    case = build_case(spec_from_value(spec(), "spec"))
    assert "size" not in case.resolved


def test_a_resolved_sizing_reads_back_as_an_equal_one() -> None:
    own = {"capex": "3e5USD", "years": 4, "power": "10.2kW", "energy": "0.1USD/kWh"}
    loaded = spec_from_value(
        spec(
            machines=[{"topology": "dgx-h100", "own": own}],
            batch=[64, {"local": 4}],
            samples_to_target=[[64, 1e9], [128, 2e9]],
            failures={"per_node_day": 0.01, "checkpoint_rate": "2GB/s"},
        ),
        "spec",
    )
    again = spec_from_value(loaded.spec.resolved(), "spec")
    assert not again.faults
    assert again.spec.size == loaded.spec.size


def test_samples_may_be_a_mapping_from_batches(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    said = "{131072: 3.87e9, 65_536: 3.33e9}"
    file.write_text(f"{HEAD}  machines: dgx-h100\n  samples_to_target: {said}\n")
    pairs = spec_from_value(spec(samples_to_target=[[65536, 3.33e9], [131072, 3.87e9]]), "spec")
    loaded = load_spec(str(file))
    assert not loaded.faults
    assert loaded.spec.size == pairs.spec.size
    written = {"samples_to_target": {"65536": 3.33e9}}
    assert not json_faults(spec(**written), json_schema("spec"))


def test_an_own_node_costs_its_share_of_capex_and_its_energy() -> None:
    """``capex / (years x 8760 x utilisation) + kW x pue x energy``, by hand."""
    own = {
        "capex": "350400USD", "years": 4, "utilisation": "50%",
        "power": "10kW", "pue": 1.5, "energy": "0.2USD/kWh",
    }  # fmt: skip
    space = build_space(
        spec_from_value(spec(machines=[{"topology": "dgx-h100", "own": own}]), "spec")
    )
    assert space.offers[0].spec.node_per_hour == Money(20.0 + 3.0, "USD", "h")
