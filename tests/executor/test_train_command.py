"""``python -m shardplan.executor train``, by itself and under torchrun."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

pytest.importorskip("torch")

from click.testing import CliRunner
from random_specs import TOPOLOGY
from test_native_engine import plan_of

from shardplan.build_case import case_of_value
from shardplan.executor.__main__ import main
from shardplan.executor.checkpoint.checkpoint import save_checkpoint
from shardplan.executor.train import native_engine
from shardplan.plan.file.write import render
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PHASES = {"ids_comm", "lookup_forward", "output_comm", "gradient_comm", "update_backward"}


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """For one rank."""
    path = tmp_path / "plan.json"
    path.write_text(plan_of(1, "adam", "sparse_dist"))
    return path


def losses_of(output: str) -> dict[int, float]:
    lines = [line.split() for line in output.splitlines() if line.startswith("step")]
    return {int(line[1]): float(line[3]) for line in lines}


def test_training_goes_on_from_a_checkpoint_as_if_uninterrupted(plan: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    folder = str(tmp_path / "checkpoints")
    steps = ["--batch", "16", "--loss-every", "1"]
    straight = runner.invoke(main, ["train", str(plan), *steps, "--steps", "8"])
    first = ["train", str(plan), *steps, "--steps", "4", "--checkpoints", folder]
    assert straight.exit_code == 0, straight.output
    assert runner.invoke(main, first).exit_code == 0
    resumed = runner.invoke(main, [*first, "--resume"])
    expected = losses_of(straight.stdout)
    assert losses_of(resumed.stdout) == {step: expected[step] for step in range(5, 9)}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hbm", "1KiB"], "the plan does not fit on rank 0: hbm"),
        (["--hbm", "12"], "for example 80GiB"),
        (["--resume"], "--resume needs --checkpoints"),
        (["--checkpoint-every", "5"], "--checkpoint-every needs --checkpoints"),
        (["--data", "nowhere.tsv"], "nowhere.tsv: error: cannot be read"),
    ],
)
def test_what_cannot_run_is_said_in_a_line(arguments: list[str], message: str, plan: Path) -> None:
    result = CliRunner().invoke(main, ["train", str(plan), "--steps", "2", *arguments])
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_a_plan_for_more_ranks_and_half_a_plan_are_refused(plan: Path, tmp_path: Path) -> None:
    pair = tmp_path / "pair.json"
    pair.write_text(plan_of(2, "sgd", "none"))
    result = CliRunner().invoke(main, ["train", str(pair)])
    assert (result.exit_code, "it is for 2 ranks, here are 1" in result.stderr) == (2, True)
    plan.write_text(plan.read_text()[:500])
    result = CliRunner().invoke(main, ["train", str(plan)])
    assert (result.exit_code, "the file is cut off" in result.stderr) == (2, True)


def test_of_ranks_that_refuse_alike_the_first_alone_says_so(plan: Path) -> None:
    plan.write_text(plan.read_text().replace('"nodes": 1', '"nodes": 3'))
    first, second = (
        CliRunner(env={"RANK": rank, "WORLD_SIZE": "1"}).invoke(main, ["train", str(plan)])
        for rank in "01"
    )
    assert (first.exit_code, second.exit_code) == (2, 2)
    assert "was changed or damaged: topology differs" in first.stderr
    assert second.stderr == ""


def test_criteo_lines_are_read_in_rounds(plan: Path, tmp_path: Path) -> None:
    """Missing numbers and categories are allowed; a line of another width is a fault."""
    data = tmp_path / "day.tsv"
    lines = [
        "\t".join([str(i % 2), *(["3", ""] * 7)[:13], *(["1a2b", "", "ff"] * 9)[:26]])
        for i in range(7)
    ]
    data.write_text("\n".join(lines) + "\n")
    arguments = ["train", str(plan), "--data", str(data), "--batch", "4", "--steps", "5"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert list(losses_of(result.stdout)) == [5]
    data.write_text("\n".join([*lines, "1\t2"]) + "\n")
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert f"{data}:8: error: has 2 fields, not 40" in result.stderr


def test_measured_seconds_are_not_written_over_the_plan(plan: Path) -> None:
    before = plan.read_text()
    result = CliRunner().invoke(main, ["train", str(plan), "--steps", "6", "--measure", str(plan)])
    assert result.exit_code == 2
    assert "it is read here, and what it holds would be lost" in result.stderr
    assert plan.read_text() == before


def test_parquet_gives_the_samples_of_the_text(plan: Path, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [[i % 2, *([i, None] * 7)[:13], *([f"{977 * i:x}", None] * 13)] for i in range(40)]
    text = tmp_path / "day.tsv"
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    text.write_text("".join("\t".join(row) + "\n" for row in cells))
    table = tmp_path / "day.parquet"
    columns = {f"c{at}": list(column) for at, column in enumerate(zip(*rows, strict=True))}
    parquet.write_table(pyarrow.table(columns), table)
    command = ["train", str(plan), "--batch", "8", "--steps", "7", "--loss-every", "1"]
    outputs = [CliRunner().invoke(main, [*command, "--data", str(p)]) for p in (text, table)]
    assert [each.exit_code for each in outputs] == [0, 0]
    assert outputs[0].stdout == outputs[1].stdout != ""


def torchrun(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in two processes."""
    run = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [*run, "-m", "shardplan.executor", *arguments],
        capture_output=True,
        text=True,
        timeout=180,
        env=environment,
        check=False,
    )


@pytest.mark.slow
def test_torchrun_trains_and_measures(tmp_path: Path) -> None:
    """Two processes: losses on rank 0's stdout alone, and a file of what all ranks measured."""
    plan, out = tmp_path / "plan.json", tmp_path / "measured.json"
    plan.write_text(plan_of(2, "rowwise_adagrad", "prefetch_sparse_dist"))
    done = torchrun("train", str(plan), "--steps", "12", "--measure", str(out))
    assert done.returncode == 0, done.stderr
    assert list(losses_of(done.stdout)) == [10, 12]
    measured = json.loads(out.read_text())
    assert (measured["engine"], measured["world_size"]) == ("native", 2)
    assert set(measured["phases"]) >= PHASES
    for rank in measured["ranks"]:
        assert rank["steps"] == 7
        assert 0 < sum(rank["phases"].values()) <= rank["step_seconds"]
        assert rank["memory_bytes"]["hbm"] > 0
        assert all(count > 0 for count in rank["sent_bytes"].values())
    for phase, seconds in measured["phases"].items():
        assert seconds == max(rank["phases"].get(phase, 0.0) for rank in measured["ranks"])


def test_a_bug_has_an_exit_code_of_its_own(plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**given: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(main.commands["train"], "callback", broken)
    result = CliRunner().invoke(main, ["train", str(plan)])
    assert (result.exit_code, "RuntimeError: a bug" in result.stderr) == (70, True)


def checkpoints_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("step-*"))


def test_a_new_run_in_a_folder_with_checkpoints_is_refused_before_it_trains(
    plan: Path, tmp_path: Path
) -> None:
    """It would be taken for the run whose checkpoints are there."""
    folder = tmp_path / "checkpoints"
    command = ["train", str(plan), "--batch", "16", "--checkpoints", str(folder)]
    every = ["--steps", "20", "--checkpoint-every", "10"]
    assert CliRunner().invoke(main, [*command, *every]).exit_code == 0
    result = CliRunner().invoke(main, [*command, "--steps", "5"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "the newest of step 20: go on from it with --resume, or give this run" in result.stderr
    assert checkpoints_in(folder) == ["step-000000010", "step-000000020"]


def test_resuming_says_from_where_or_that_there_is_nothing(plan: Path, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    command = ["train", str(plan), "--steps", "2", "--checkpoints", str(folder), "--resume"]
    first, second = (CliRunner().invoke(main, command) for _ in range(2))
    assert f"there is no checkpoint in {folder}: beginning at step 0" in first.stderr
    assert f"going on from {folder}/step-000000002" in second.stderr
    assert checkpoints_in(folder) == ["step-000000002", "step-000000004"]


def test_a_folder_is_of_one_run_at_a_time(plan: Path, tmp_path: Path) -> None:
    with (tmp_path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        arguments = ["train", str(plan), "--checkpoints", str(tmp_path)]
        result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert f"another run is writing its checkpoints to {tmp_path}" in result.stderr


@pytest.mark.parametrize("option", ["--checkpoints", "--measure"])
def test_what_cannot_be_written_is_said_before_training(option: str, plan: Path) -> None:
    result = CliRunner().invoke(main, ["train", str(plan), option, "/proc/nowhere/here"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "error: /proc/nowhere" in result.stderr


def test_what_a_killed_run_left_half_written_is_cleaned_up(plan: Path, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    (folder / ".step-000000007.partial").mkdir(parents=True)
    arguments = ["train", str(plan), "--steps", "1", "--checkpoints", str(folder)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "step-000000001"]


def fails_at(steps: set[int]) -> Callable[..., Path]:
    """``save_checkpoint`` on a disk that is full at some steps."""

    def save(folder: Path, step: int, *rest: Any) -> Path:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10 if step in steps else before[0], before[1]))
        try:
            return save_checkpoint(folder, step, *rest)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return save


def test_training_goes_on_where_a_checkpoint_finds_no_room(
    plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later one may find some; without the last one, the run is not done."""
    folder = tmp_path / "checkpoints"
    command = ["train", str(plan), "--steps", "3", "--checkpoint-every", "1"]
    command += ["--checkpoints", str(folder)]
    monkeypatch.setattr(native_engine, "save_checkpoint", fails_at({2}))
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0
    assert "warning: the checkpoint of step 2 could not be written" in result.stderr
    assert checkpoints_in(folder) == ["step-000000001", "step-000000003"]
    monkeypatch.setattr(native_engine, "save_checkpoint", fails_at({5, 6}))
    result = CliRunner().invoke(main, [*command, "--resume"])
    assert result.exit_code == 1
    assert "error: the checkpoint of step 6 could not be written" in result.stderr
    assert checkpoints_in(folder) == ["step-000000003", "step-000000004"]


def test_a_damaged_checkpoint_is_not_resumed_from(plan: Path, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    command = ["train", str(plan), "--steps", "1", "--checkpoints", str(folder)]
    assert CliRunner().invoke(main, command).exit_code == 0
    data = folder / "step-000000001" / "rank-00000.safetensors"
    values = bytearray(data.read_bytes())
    values[-64:] = bytes(255 - value for value in values[-64:])
    data.write_bytes(values)
    result = CliRunner().invoke(main, [*command, "--resume"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"error: {data} is damaged" in result.stderr


def test_sequences_train_alike_with_all_ids_and_with_distinct_ones(tmp_path: Path) -> None:
    """Of a kind that is made by TorchRec alone the command says so."""
    found = []
    for kind in ("sequence", "sequence, dedup: true", "feature_processed"):
        spec = yaml.safe_load(SEQUENCES.replace("KIND", kind))
        spec["topology"] = TOPOLOGY | {"nodes": 1, "devices_per_node": 1}
        made = make_plan(case_of_value(spec, "spec"), Settings("greedy"), Reporter())
        path = tmp_path / "plan.json"
        path.write_text(render(made))
        arguments = ["train", str(path), "--steps", "6", "--loss-every", "1"]
        found.append(CliRunner().invoke(main, arguments))
    every, distinct, refused = found
    assert every.exit_code == 0, every.output
    losses = losses_of(every.stdout)
    assert len(losses) == 6
    assert losses_of(distinct.stdout) == pytest.approx(losses, abs=1e-5)
    assert refused.exit_code == 2
    told = "history: the native engine does not train modules of the kind feature_processed"
    assert told in refused.stderr


SEQUENCES = """
name: histories
batch: {local: 32}
defaults: {dim: 16, pooling: 3.5}
modules: {history: {kind: KIND}}
tables:
  - {name: a, rows: 100, module: history}
  - {name: b, rows: 300, module: history, features: [b, c]}
  - {name: a, rows: 50, module: ebc}
constraints: [{tables: b, sharding: data_parallel}]
"""
