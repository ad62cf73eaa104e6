"""Tuning by real training: the loop with processes of arithmetic, its record, and its tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from step_rows import cells, step_row

from shardplan.errors import ShardplanError
from shardplan.spec.catalog.catalog import Kind, find
from shardplan.tune.tune_params import RaceParams, TuneParams

QUICK = TuneParams(rounds=1, most_subsets=2, race=RaceParams(passes_a_round=2, most_passes=4))
STEP = {"data_parallel": 1.0, "row_wise": 1.5, "column_wise": 1.7}
"""Seconds of a table; of the other types, 2."""


def planted_seconds(plan: Any) -> float:
    """Of a step under a plan."""
    entries = [entry for tables in plan.plan.values() for entry in tables.values()]
    return sum(STEP.get(entry.sharding_type.name, 2.0) for entry in entries)


class Arithmetic:
    """In place of processes: what a plan takes by its types; notes the models, and fails once."""

    trained: list[str] = []  # noqa: RUF012
    fault: tuple[str, BaseException] | None = None

    def __init__(self, engine: str, ranks: int) -> None:
        assert (engine, ranks) == ("torchrec", 2)

    def __enter__(self) -> Arithmetic:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def train(self, plans: list[Any], rounds: int) -> Any:
        self.trained.append(plans[0].name)
        if self.fault and self.fault[0] == plans[0].name:
            raise self.fault[1]
        noise = 1 + 0.001 * np.random.default_rng(len(self.trained)).standard_normal(rounds)
        found = np.outer(noise, [planted_seconds(plan) for plan in plans])
        return np.repeat(found[:, :, None, None], 2, axis=2).repeat(4, axis=3).tolist()


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Runs the script on models of two tables, with words of its own."""
    import tuned
    from executed_models import Model
    from executor import Calibration

    def model(name: str) -> Any:
        tables = [{"name": f"t_{i}", "rows": 100, "dim": 16, "pooling": 2} for i in range(2)]
        return Model(name, tables, 512)

    def read(kind: Kind, name: str) -> Any:
        return yaml.safe_load(find(kind, name, Path()).text)

    calibration = Calibration(read(Kind.COST_MODEL, "cpu"), read(Kind.FRAMEWORK, "torchrec-gloo"))
    monkeypatch.setattr(tuned, "models", lambda: [model("one"), model("two")])
    monkeypatch.setattr(tuned, "drawn_models", lambda seed: [model("drawn")])
    monkeypatch.setattr(tuned, "calibrated", lambda *_: calibration)
    monkeypatch.setattr(tuned, "TORCHREC", ("random",))
    monkeypatch.setattr(tuned, "StepCrew", Arithmetic)
    monkeypatch.setattr(tuned.Machine, "here", lambda _: "a machine")
    monkeypatch.setattr(tuned, "TuneParams", lambda: QUICK)
    monkeypatch.setattr(Arithmetic, "trained", [])
    monkeypatch.setattr(Arithmetic, "fault", None)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    record = tmp_path / "tuned.json"

    def run(*words: str) -> Any:
        given = ["tuned.py", "--budget", "20", "--time-limit", "1", "--rounds", "5"]
        monkeypatch.setattr("sys.argv", [*given, "--json", str(record), *words])
        Arithmetic.trained.clear()
        tuned.main()
        return json.loads(record.read_text(encoding="utf-8"))

    return run, record


def names(record: Any) -> list[str]:
    return [model["rows"][0]["model"] for model in record]


def test_the_plan_that_takes_least_is_kept_beside_all_others(command: Any, capsys: Any) -> None:
    run, _ = command
    (found,) = run("--only", "one")
    medians = {tuple(row["contenders"]): row["median_seconds"] for row in found["rows"]}
    (kept,) = (key for key in medians if "tuned" in key)
    assert medians[kept] == min(medians.values()) == pytest.approx(2.0, rel=0.01)
    made = [name for key in medians for name in key]
    assert {"shardplan", "random", "greedy-dim"} <= set(made)
    assert len(made) == len(set(made))
    assert {len(row["seconds"]) for row in found["rows"]} == {5}
    assert f"| torchrec | known | one | {medians[kept] * 1e3:.1f} |" in capsys.readouterr().out


def test_what_was_stopped_goes_on_with_the_models_that_are_missing(command: Any) -> None:
    """And what is in the record by then is whole."""
    run, record = command
    Arithmetic.fault = ("two", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run()
    before = json.loads(record.read_text(encoding="utf-8"))
    assert names(before) == ["one"]
    Arithmetic.fault = None
    after = run()
    assert set(Arithmetic.trained) == {"two", "drawn"}
    assert names(after) == ["one", "two", "drawn"]
    assert after[0] == before[0]
    assert [model["rows"][0]["is_known"] for model in after] == [True, True, False]


def test_a_model_measured_alone_is_added_and_measured_again_takes_its_place(command: Any) -> None:
    run, _ = command
    run("--only", "two")
    assert names(run("--only", "one")) == ["two", "one"]
    assert Arithmetic.trained[0] == "one"
    again = run("--only", "two", "--again")
    assert set(Arithmetic.trained) == {"two"}
    assert names(again) == ["one", "two"]
    run("--only", "two")
    assert Arithmetic.trained == []
    other = run("--only", "two", "--seed", "7")
    assert names(other) == ["one", "two"]
    assert other[1]["seed"] == 7


def test_a_model_that_cannot_be_trained_is_told_and_the_others_go_on(
    command: Any, capsys: Any
) -> None:
    run, record = command
    Arithmetic.fault = ("one", ShardplanError("a training process ended"))
    with pytest.raises(SystemExit, match="1 of 3 models"):
        run()
    assert names(json.loads(record.read_text(encoding="utf-8"))) == ["two", "drawn"]
    assert "one: a training process ended" in capsys.readouterr().err


def tuned_model(name: str, engine: str = "torchrec", **seconds: float) -> Any:
    """By who made a plan; ``tuned`` may be somebody's too, as ``tuned_greedy``."""
    from tuned_rows import TunedModel

    noise = (1.0, 1.001, 0.999, 1.0005, 0.9995)
    rows = [
        step_row(
            *(of * each for each in noise),
            series="tuned",
            engine=engine,
            model=name,
            contenders=tuple(makers.split("_")),
        )
        for makers, of in seconds.items()
    ]
    numbers = {"seed": 1, "budget_seconds": 45.0, "tuning_seconds": 44.0, "training_seconds": 16.0}
    return TunedModel(**numbers, rounds=3, runs=50, plans=12, end="budget", is_certain=True,
                      rows=tuple(rows))  # fmt: skip


def test_tables_hold_the_kept_plan_against_the_best_of_the_others() -> None:
    from tuned_tables import tuned_lines, tuned_summary

    models = [
        tuned_model("a", tuned=0.010, shardplan=0.011, greedy=0.012, torchrec=0.015),
        tuned_model("b", tuned_torchrec=0.010, shardplan=0.020, greedy=0.040),
        tuned_model("c", tuned_shardplan=0.020, greedy=0.019, torchrec=0.025),
    ]
    (line,) = cells(tuned_summary(models))
    assert line["no slower than others by 2%"] == "2 of 3"
    assert (line["faster"], line["slower"]) == ("1", "1")
    assert line["best other / tuned"] == f"{(1.2 * 1.0 * 0.95) ** (1 / 3):.2f}"
    assert line["torchrec / tuned"] == f"{(1.5 * 1.0 * 1.25) ** (1 / 3):.2f}"
    assert line["shardplan / tuned"] == f"{(1.1 * 2.0 * 1.0) ** (1 / 3):.2f}"
    found = {each["model"]: each for each in cells(tuned_lines(models))}
    assert [each["best other"] for each in found.values()] == ["greedy", "torchrec", "greedy"]
    assert found["a"]["ratio"].startswith("1.20 (")
    assert found["b"]["shardplan"].startswith("2.00 (")


def test_engines_are_told_apart() -> None:
    from tuned_tables import tuned_summary

    models = [tuned_model("a", engine, tuned=1.0, greedy=1.0) for engine in ("native", "torchrec")]
    assert [each["engine"] for each in cells(tuned_summary(models))] == ["torchrec", "native"]


def test_the_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    from tuned_rows import put_tuned, read_tuned

    path = tmp_path / "tuned.json"
    assert read_tuned(path) == []
    models = [tuned_model(name, tuned=0.01, greedy=0.02) for name in ("a", "b")]
    for each in models:
        put_tuned(path, each)
    text = path.read_text(encoding="utf-8")
    assert [each.name for each in read_tuned(path)] == [("torchrec", "a"), ("torchrec", "b")]
    put_tuned(path, read_tuned(path)[1])
    assert path.read_text(encoding="utf-8") == text


def test_the_page_tells_a_record_and_that_there_is_none(tmp_path: Path) -> None:
    from page import tuned
    from tuned_rows import put_tuned

    path = tmp_path / "tuned.json"
    assert "Not measured yet" in tuned(path)
    put_tuned(path, tuned_model("a", tuned=0.01, greedy=0.02))
    text = tuned(path)
    assert "2 processes on 2 cores of Some Processor." in text
    assert "| torchrec | known | a | 10.0 | greedy | 2.00 (" in text
    assert "took 1.0 minutes" in text
