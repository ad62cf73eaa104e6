"""``train --metrics`` and ``--tensorboard``: what steps take beside what was predicted."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("torch")

from click.testing import CliRunner
from test_native_engine import plan_of
from test_train_command import losses_of, torchrun

from shardplan.cli.main import cli
from shardplan.executor.__main__ import main
from shardplan.executor.train.measurement import RankMeasurement
from shardplan.executor.train.metrics.step_metrics import Seconds, StepMetrics
from shardplan.executor.train.metrics.tensor_board import TensorBoard
from shardplan.executor.train.metrics.window import Window

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

PHASES = {"ids_comm", "lookup_forward", "output_comm", "gradient_comm", "update_backward", "dense"}


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """For one rank."""
    path = tmp_path / "plan.json"
    path.write_text(plan_of(1, "adam", "sparse_dist"))
    return path


def train(plan: Path, *arguments: object) -> Result:
    return CliRunner().invoke(main, ["train", str(plan), *map(str, arguments)])


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_lines_add_up_to_what_is_measured_in_the_end(plan: Path, tmp_path: Path) -> None:
    """Steps of the warm-up, here 5, are in lines of their own mean or in none."""
    out, whole = tmp_path / "metrics.jsonl", tmp_path / "measured.json"
    asked = ["--metrics", out, "--metrics-every", 4, "--measure", whole, "--loss-every", 4]
    result = train(plan, "--steps", 14, *asked)
    assert result.exit_code == 0, result.output
    lines, measured = lines_of(out), json.loads(whole.read_text())
    assert [(line["step"], line["steps"]) for line in lines] == [(4, 4), (8, 3), (12, 4), (14, 2)]
    assert {line["step"]: pytest.approx(line["loss"], abs=1e-6) for line in lines} == losses_of(
        result.stdout
    )
    after = lines[1:]
    steps = sum(line["steps"] for line in after)
    assert steps == measured["ranks"][0]["steps"] == 9
    for name in PHASES:
        total = sum(line["phases"][name] * line["steps"] for line in after)
        assert total / steps == pytest.approx(measured["phases"][name])
    total = sum(line["step_seconds"] * line["steps"] for line in after)
    assert total / steps == pytest.approx(measured["step_seconds"])


def test_lines_hold_the_prediction_of_the_plan(plan: Path, tmp_path: Path) -> None:
    out = tmp_path / "metrics.jsonl"
    assert train(plan, "--steps", 2, "--warm-up", 0, "--metrics", out).exit_code == 0
    forecast = json.loads(plan.read_text())["prediction"]
    (line,) = lines_of(out)
    assert line["predicted"]["step_seconds"] == forecast["step_seconds"]
    dense = {"dense": forecast["dense_seconds"]}
    assert line["predicted"]["phases"] == forecast["phases"] | dense
    assert line["phases"].keys() <= line["predicted"]["phases"].keys()


def test_a_step_of_another_batch_has_no_prediction(plan: Path, tmp_path: Path) -> None:
    out = tmp_path / "metrics.jsonl"
    assert train(plan, "--steps", 2, "--batch", 16, "--metrics", out).exit_code == 0
    (line,) = lines_of(out)
    assert line["samples"] == 16
    assert "predicted" not in line


def test_a_line_is_a_file_of_measurements(plan: Path, tmp_path: Path) -> None:
    out, one = tmp_path / "metrics.jsonl", tmp_path / "one.json"
    assert train(plan, "--steps", 12, "--metrics", out).exit_code == 0
    one.write_text(out.read_text().splitlines()[-1])
    result = CliRunner().invoke(cli, ["explain", str(plan), "--measured", str(one)])
    assert result.exit_code == 0, result.output
    assert "predicted beside measured" in result.stdout


def test_lines_go_on_where_the_job_does(plan: Path, tmp_path: Path) -> None:
    out = tmp_path / "metrics.jsonl"
    asked = ["--steps", 3, "--metrics", out, "--checkpoints", tmp_path / "checkpoints"]
    for _ in range(2):
        assert train(plan, *asked, "--resume").exit_code == 0
    assert [line["step"] for line in lines_of(out)] == [3, 6]
    assert train(plan, "--steps", 3, "--metrics", out).exit_code == 0
    assert [line["step"] for line in lines_of(out)] == [3]


@pytest.mark.slow
def test_lines_tell_of_the_slowest_rank(tmp_path: Path) -> None:
    plan, out, whole = (tmp_path / name for name in ("plan.json", "metrics.jsonl", "all.json"))
    plan.write_text(plan_of(2, "rowwise_adagrad", "prefetch_sparse_dist"))
    asked = ["--metrics", str(out), "--metrics-every", "100", "--measure", str(whole)]
    done = torchrun("train", str(plan), "--steps", "12", *asked)
    assert done.returncode == 0, done.stderr
    (line,) = lines_of(out)
    measured = json.loads(whole.read_text())
    assert (line["world_size"], line["steps"]) == (2, 7)
    assert line["phases"] == pytest.approx(measured["phases"])
    assert line["step_seconds"] == pytest.approx(measured["step_seconds"])
    assert line["loss"] == pytest.approx(losses_of(done.stdout)[12], abs=1e-6)


@pytest.mark.slow
def test_torchrec_tells_of_whole_steps(tmp_path: Path) -> None:
    pytest.importorskip("torchrec")
    plan, out = tmp_path / "plan.json", tmp_path / "metrics.jsonl"
    plan.write_text(plan_of(2, "sgd", "none"))
    done = torchrun(
        "train", str(plan), "--steps", "8", "--engine", "torchrec", "--metrics", str(out)
    )
    assert done.returncode == 0, done.stderr
    (line,) = lines_of(out)
    assert (line["engine"], line["phases"]) == ("torchrec", {})
    assert line["step_seconds"] > 0


@pytest.mark.parametrize("option", ["--metrics", "--tensorboard"])
def test_what_cannot_be_told_is_refused_before_training(
    option: str, plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    target = plan if option == "--metrics" else tmp_path / "board"
    result = train(plan, "--steps", 2, option, target)
    assert result.exit_code == 2
    reason = "it is read here" if option == "--metrics" else "hint: pip install tensorboard"
    assert reason in result.stderr
    assert "loss" not in result.stdout


def test_a_full_disk_ends_the_lines_and_not_the_training(plan: Path, tmp_path: Path) -> None:
    out = tmp_path / "metrics.jsonl"
    out.symlink_to("/dev/full")
    result = train(plan, "--steps", 12, "--metrics", out)
    assert result.exit_code == 2, "known before training"
    assert "No space left" in result.stderr


def test_tensorboard_shows_phases_side_by_side() -> None:
    points: list[tuple[str, float, int]] = []

    class Writer:
        def add_scalar(self, tag: str, value: float, step: int) -> None:
            points.append((tag, value, step))

        def flush(self) -> None:
            pass

    predicted = Seconds(2.0, {"lookup_forward": 1.5})
    windows = [Window(3, 4.0, {"lookup_forward": 3.0}), Window(3, 5.0, {"lookup_forward": 2.0})]
    TensorBoard(Writer()).put(StepMetrics.of_ranks(7, [0.5, 0.7], windows, predicted))
    assert points == [
        ("loss/mean", 0.6, 7),
        ("step/measured", 5.0, 7),
        ("lookup_forward/measured", 3.0, 7),
        ("step/predicted", 2.0, 7),
        ("lookup_forward/predicted", 1.5, 7),
    ]


def test_tensorboard_reads_what_is_written(plan: Path, tmp_path: Path) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    folder = tmp_path / "board"
    done = train(plan, "--steps", 8, "--metrics-every", 4, "--tensorboard", folder)
    assert done.exit_code == 0, done.output
    found = events.EventAccumulator(str(folder))
    found.Reload()
    assert [event.step for event in found.Scalars("lookup_forward/measured")] == [4, 8]
    forecast = json.loads(plan.read_text())["prediction"]
    values = {event.value for event in found.Scalars("lookup_forward/predicted")}
    assert values == {pytest.approx(forecast["phases"]["lookup_forward"])}


def test_a_window_is_what_came_between_two_looks() -> None:
    """Two steps of 1 s, then three of 2 s."""
    before = RankMeasurement(0, 2, 1.0, {"a": 0.5})
    now = RankMeasurement(0, 5, 8 / 5, {"a": (2 * 0.5 + 3 * 1.0) / 5, "b": 3 * 0.25 / 5})
    window = Window.between(before, now)
    assert window.steps == 3
    assert window.step_seconds == pytest.approx(2.0)
    assert window.phases == {"a": pytest.approx(1.0), "b": pytest.approx(0.25)}
    assert Window.between(None, before) == Window(2, 1.0, {"a": 0.5})
    assert Window.between(now, now).steps == 0
