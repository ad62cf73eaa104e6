"""Files of published steps: what ships, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shardplan.errors import InputError
from shardplan.validation.device_class import DeviceClass
from shardplan.validation.layered import layered
from shardplan.validation.published_steps import published_steps
from shardplan.validation.use import Use
from shardplan.validation.validation import Validation

SHARED = Path(__file__).parents[3] / "shared" / "data" / "published_models.json"

OWN = """\
name: own
about: a step of our own
licence: none
table_sets:
  two: {dim: 8, rows: [100, 200], source: made up}
models:
  small: {tables: two, access: uniform, source: made up}
steps:
  - id: ours
    model: small
    device: socket
    framework: none
    spec: {batch: {local: 8}, topology: {name: cpu-2s, nodes: 2}}
    measured: {step: 2ms, provenance: measured, source: made up}
    sharding: any
    use: check
    why: nobody knows
"""


def by_id():
    return {step.id: step for step in published_steps()}


def test_the_thirteen_results_on_fast_links_are_checks():
    """Of DLRM-DCNv2, but for the one of the benchmark's first round on 128 devices."""
    found = [
        step
        for step in published_steps()
        if step.model == "dlrm-dcnv2-mlperf"
        and step.device_class is DeviceClass.FAST_LINKS
        and step.use is Use.CHECK
    ]
    assert len(found) == 13
    assert {step.framework for step in found} == {"hugectr"}


def test_every_step_says_why_it_is_off_and_only_others_than_checks_give_a_reason():
    for step in published_steps():
        assert step.why
        assert (step.use is Use.CHECK) != bool(step.reason)
        assert (step.use is Use.UNPREDICTED) == (step.spec is None)


def test_the_step_that_the_floor_of_eager_pytorch_is_read_off_is_no_check():
    assert by_id()["torchrec-p4d-8-2k"].use is Use.FIT


@pytest.mark.skipif(not SHARED.exists(), reason="needs the folder of shared data")
def test_the_figures_are_those_of_the_source():
    published = json.loads(SHARED.read_text())["results"]
    found = by_id()
    assert {result["id"] for result in published} == set(found)
    for result in published:
        step = found[result["id"]]
        assert step.measured.seconds == pytest.approx(result["measured"]["step_ms"] / 1e3, 1e-5)
        assert step.global_batch == result["batch_global"]
        assert step.devices == result["hardware"]["devices"]


def test_a_file_of_ones_own_adds_steps(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    step = published_steps([str(path)])[-1]
    assert step.id == "ours"
    assert (step.devices, step.nodes, step.global_batch) == (4, 2, 32)
    assert step.device_class is DeviceClass.CPU
    assert [table["rows"] for table in step.spec["tables"]] == [100, 200]


@pytest.mark.parametrize(
    ("old", "new", "where", "message"),
    [
        ("model: small\n    device", "model: smal\n    device", ":10:12:", "did you mean"),
        ("use: check", "use: limit", ":9:5:", "why is it a limit?"),
        ("rows: [100, 200]", "rows: [100, 200], pooling: [1]", ":5:", "2 tables"),
        ("step: 2ms", "step: 0ms", ":14:22:", "more than 0"),
        ("{local: 8}", "{}", "own.yaml (ours)", "batch: must have exactly one"),
        ("batch: {local: 8}, ", "", "own.yaml (ours)", "batch: is missing"),
        ("{name: cpu-2s, nodes: 2}", "7", "own.yaml (ours)", "topology: must be a name"),
        ("nodes: 2", "nodes: many", "own.yaml (ours)", "topology.nodes: must be a whole number"),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path, old, new, where, message):
    path = tmp_path / "own.yaml"
    path.write_text(OWN.replace(old, new))
    with pytest.raises(InputError) as caught:
        published_steps([str(path)])
    assert where in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "where", "message"),
    [
        ("nodes: 2", "nodes: two", "topology.nodes", "whole number"),
        ("name: cpu-2s", "name: cpu-2", "topology.name", "unknown topology 'cpu-2'"),
        ("local: 8", "local: many", "batch.local", "whole number"),
        ("local: 8}", "global: 9}", "batch.global", "no whole number on each of 4 devices"),
    ],
)
def test_a_fault_of_a_steps_own_spec_names_the_step(tmp_path, old, new, where, message):
    path = tmp_path / "own.yaml"
    path.write_text(OWN.replace(old, new))
    with pytest.raises(InputError) as caught:
        Validation.of(published_steps([str(path)])[-1:])
    (fault,) = caught.value.diagnostics
    assert fault.file == f"{path} (ours)"
    assert fault.path == where
    assert message in fault.message


def test_a_step_whose_tables_do_not_fit_is_a_fault_of_its_spec(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(OWN.replace("[100, 200]", "[100, 2_000_000_000_000]"))
    with pytest.raises(InputError, match=r"own.yaml \(ours\).*no plan can exist"):
        Validation.of(published_steps([str(path)])[-1:])


def test_faults_of_all_steps_are_told_at_once(tmp_path):
    path = tmp_path / "own.yaml"
    first = OWN.index("  - id: ours")
    twice = OWN + OWN[first:].replace("ours", "others")
    path.write_text(twice.replace("{local: 8}", "{}"))
    with pytest.raises(InputError) as caught:
        published_steps([str(path)])
    assert [fault.file for fault in caught.value.diagnostics] == [
        f"{path} (ours)",
        f"{path} (others)",
    ]


def test_a_machine_may_be_a_file(tmp_path):
    written = Path(__file__).parents[2] / "topologies" / "cpu-2s.yaml"
    path = tmp_path / "own.yaml"
    path.write_text(OWN.replace("name: cpu-2s", f"path: {written}"))
    step = published_steps([str(path)])[-1]
    assert (step.devices, step.nodes) == (4, 2)


def test_values_laid_over_others_win_key_by_key_and_null_takes_away():
    below = {"a": {"b": 1, "c": 2}, "d": 3, "e": [1, 2]}
    above = {"a": {"b": None, "f": {"g": None, "h": 5}}, "d": None, "e": [4]}
    assert layered(below, above) == {"a": {"c": 2, "f": {"h": 5}}, "e": [4]}
