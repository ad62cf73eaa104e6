"""``shardplan calibrate --engine``, with a made-up machine in place of this one."""

from __future__ import annotations

import importlib.util
from typing import Any, Self

import pytest
import yaml
from click.testing import CliRunner
from planted_steps import PlantedTrainer, measured_machine

from shardplan.build_case import build_case
from shardplan.cli import calibrated_steps
from shardplan.cli.main import cli
from shardplan.spec.load import load_spec

pytest.importorskip("torch")


class PlantedCrew(PlantedTrainer):
    """A crew that needs no processes."""

    def __init__(self, engine: str, ranks: int) -> None:
        super().__init__()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    from shardplan.calibrate.steps.training import step_crew

    wires = measured_machine().wires
    monkeypatch.setattr(calibrated_steps, "_wires", lambda *_: wires)
    monkeypatch.setattr(step_crew, "StepCrew", PlantedCrew)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def calibrate(*words: str) -> Any:
    return CliRunner().invoke(cli, ["calibrate", "-o", "ours.yaml", *words])


SPEC = {
    "name": "small",
    "batch": {"global": 512},
    "topology": {
        "name": "here",
        "nodes": 1,
        "devices_per_node": 2,
        "device": {
            "kind": "cpu",
            "hbm": {"capacity": "8GiB", "read": "10GB/s"},
            "host_link": "10GB/s",
        },
        "scale_up": {"kind": "switch", "bandwidth": "1GB/s"},
    },
    "tables": [{"name": f"t{n}", "rows": 1000, "dim": 16} for n in range(4)],
}


def test_what_it_says_to_write_into_a_spec_is_what_a_spec_takes(planted: Any) -> None:
    """And a second run goes on: it measures nothing that the first has measured."""
    result = calibrate("--engine", "native", "--budget", "1s")
    assert result.exit_code == 0, result.output
    assert "held_out_step: " in result.output
    lines = [line.strip() for line in result.output.splitlines()]
    begin = lines.index("next: write both into a spec, whose plans run on this engine:")
    keys: dict[str, Any] = yaml.safe_load(lines[begin + 1]) | yaml.safe_load(lines[begin + 2])
    topology = SPEC["topology"] | {"cost_model": keys["cost_model"]}
    (planted / "spec.yaml").write_text(yaml.safe_dump(SPEC | keys | {"topology": topology}))
    case = build_case(load_spec("spec.yaml"))
    assert case.pricing.framework_name == "ours-native"
    assert case.pricing.value["name"] == "ours"
    steps = (planted / "ours.steps.csv").read_text()
    again = calibrate("--engine", "native", "--budget", "0s")
    assert again.exit_code == 0, again.output
    assert (planted / "ours.steps.csv").read_text().startswith(steps)


def test_an_engine_that_is_not_installed_is_told_before_anything_is_measured(
    planted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torchrec" else find_spec(name)
    )
    result = calibrate("--engine", "torchrec")
    assert result.exit_code == 2
    assert "pip install 'shardplan[torchrec]'" in result.output
    assert list(planted.iterdir()) == []


def test_steps_are_calibrated_on_the_cpu(planted: Any) -> None:
    result = calibrate("--engine", "native", "--device", "cuda")
    assert result.exit_code == 2
    assert "steps are calibrated on the CPU" in result.output
