"""``shardplan size`` as it is called."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from random_spaces import machine

from shardplan.cli.main import cli
from shardplan.cli.sizing.plan_files import file_names
from shardplan.plan.file.fingerprint import fingerprint_of_job
from shardplan.plan.file.read import read_plan
from shardplan.plan.verify import verify
from shardplan.size.answer.design import Design
from shardplan.size.answer.front_file import read_front
from shardplan.size.search import size as search

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, hbm: str = "16GiB", **size: Any) -> str:
    """A spec of two tables and one machine of two devices a node."""
    topology = machine("pair", 2, hbm, 400)
    value = {
        "name": "two",
        "batch": {"global": 1024},
        "topology": topology,
        "defaults": {"dim": 16},
        "tables": [{"name": name, "rows": 4_000_000} for name in "ab"],
        "constraints": [{"tables": "*", "kernels": ["fused"]}],
        "size": {"machines": [{"topology": topology, "nodes": [1, 2], "price": "10USD/h"}], **size},
    }
    file = folder / "model.yaml"
    file.write_text(json.dumps(value))
    return str(file)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["size", *arguments, "--threads", "1"])


def test_the_plans_of_the_front_are_written_and_verify(tmp_path: Path) -> None:
    out, plans = tmp_path / "front.json", tmp_path / "plans"
    spec = write(tmp_path, target={"throughput": 1e6})
    done = call(spec, "--format", "json", "-o", str(out), "--plans", str(plans))
    assert done.exit_code == 0, done.output
    front = read_front(out)
    assert front.points
    for point in front.points:
        plan = read_plan(point.plan_file)
        assert verify(plan) == ()
        assert fingerprint_of_job(plan) == point.plan_sha256
        assert plan.prediction.step_seconds == pytest.approx(point.step_seconds)
    assert len(list(plans.iterdir())) == len(front.points)


def test_machines_whose_names_differ_in_a_slash_alone_have_plans_of_their_own() -> None:
    designs = [
        Design(machine=name, nodes=1, devices_per_node=2, global_batch=1024)
        for name in ("a/b", "a_b", "A_b")
    ]
    assert list(file_names(designs).values()) == [
        "a_b-1nodes-1024.json",
        "a_b-1nodes-1024-2.json",
        "A_b-1nodes-1024-3.json",
    ]


def test_a_folder_that_cannot_be_is_refused_before_the_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "prove_bounds", None)
    spec = write(tmp_path)
    for folder in (spec, f"{spec}/plans"):
        done = call(spec, "--plans", folder)
        assert done.exit_code == 2
        assert "is no folder" in done.output + str(done.stderr)
    assert [each.name for each in tmp_path.iterdir()] == ["model.yaml"]


def test_the_front_is_written_where_its_plans_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the folder had become a file meanwhile."""
    out, plans = tmp_path / "front.json", tmp_path / "plans"
    spec = write(tmp_path)
    plans.write_text("")
    monkeypatch.setattr("shardplan.files.check_folder", lambda path: None)
    done = call(spec, "--format", "json", "-o", str(out), "--plans", str(plans))
    assert done.exit_code == 2
    assert "is no folder" in done.output + str(done.stderr)
    assert [point.plan_file for point in read_front(out).points] == [""]


def test_a_target_that_nothing_reaches_is_proven_to_be_so(tmp_path: Path) -> None:
    done = call(write(tmp_path, target={"step": "1us"}), "--explain")
    assert done.exit_code == 3
    assert "2 proven impossible" in done.output


def test_tables_without_room_are_proven_to_be_so(tmp_path: Path) -> None:
    done = call(write(tmp_path, hbm="64MiB"), "--explain")
    assert done.exit_code == 3
    assert "MiB" in done.output


def test_no_time_finds_nothing_and_proves_nothing(tmp_path: Path) -> None:
    done = call(write(tmp_path), "--time-limit", "0s")
    assert done.exit_code == 4


def test_an_interruption_before_there_is_a_plan_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shardplan.cli.interrupt.Interrupt.is_requested", lambda self: True)
    assert call(write(tmp_path)).exit_code == 130


def test_an_interruption_writes_the_front_so_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if Ctrl-C came with the first plan."""
    run, stopped = search.Crew.results, []

    def results(self: Any, jobs: Any, should_stop: Any) -> Any:
        yield from (found for found in list(run(self, jobs[:1], should_stop)))
        stopped.append(True)

    monkeypatch.setattr(search.Crew, "results", results)
    monkeypatch.setattr(
        "shardplan.cli.interrupt.Interrupt.is_requested", lambda self: bool(stopped)
    )
    done = call(write(tmp_path), "--format", "json", "-o", str(tmp_path / "front.json"))
    assert done.exit_code == 0, done.output
    front = read_front(tmp_path / "front.json")
    assert (len(front.points), front.solved, front.candidates) == (1, 0, 2)


def test_faults_of_the_sizing_are_found_by_check(tmp_path: Path) -> None:
    spec = write(tmp_path, machines=[{"topology": "dgx-h199"}])
    done = CliRunner().invoke(cli, ["check", spec])
    assert done.exit_code == 2
    assert "unknown topology 'dgx-h199'" in done.output
