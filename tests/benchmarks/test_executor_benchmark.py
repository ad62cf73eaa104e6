"""Trained plans of known and drawn models: what is measured, what of it is kept, and the script."""

from __future__ import annotations

import argparse
import json
import logging
import re
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from shardplan.spec.catalog.catalog import Kind, find
from shardplan.tune.candidates.candidate import likeness

ENGINES = ("torchrec", "native")


def test_the_tables_are_those_of_the_measurements() -> None:
    from page import EXECUTOR, README, TORCHREC, rendered

    tables = {
        TORCHREC: ["machines", "torchrec_plans"],
        EXECUTOR: ["machines", "engines", "native_plans"],
        README: ["second_screen", "machines", "engine_summary"],
    }
    for page, names in tables.items():
        text = page.read_text(encoding="utf-8")
        assert re.findall(r"<!-- measured: (\w+) -->", text) == names
        assert rendered(text) == text


def test_six_known_and_six_drawn_models_were_measured_in_both_engines() -> None:
    from executed_rows import Series, read_executed
    from page import FIGURES
    from side_by_side import SideBySide

    rows = read_executed(FIGURES / "executor.json")
    plans = SideBySide.all_of(rows, Series.PLANS)
    engines = SideBySide.all_of(rows, Series.ENGINES)
    for engine in ENGINES:
        kinds = [model.is_known for model in plans if model.engine == engine]
        assert kinds == [True] * 6 + [False] * 6
    assert [model.is_known for model in engines] == [True] * 6 + [False] * 6
    for model in engines:
        for optimizer in ("sgd", "rowwise_adagrad"):
            one, other = (model.of_engine(engine, optimizer) for engine in ENGINES)
            assert one.sharding == other.sharding
    for model in (*plans, *engines):
        assert len({len(row.seconds) for row in model.rows}) == 1


def test_what_the_file_derives_follows_from_its_rounds() -> None:
    from executed_rows import as_json, read_executed
    from page import FIGURES

    path = FIGURES / "executor.json"
    assert as_json(read_executed(path)) == path.read_text(encoding="utf-8")


def test_medians_and_quartiles_stand_beside_the_rounds() -> None:
    from executed_rows import as_json
    from step_rows import step_row

    (value,) = json.loads(as_json([step_row(0.01, 0.02, 0.03, 0.04, 0.0600000004)]))
    assert value["median_seconds"] == 0.03
    assert value["quartile_seconds"] == [0.02, 0.04]
    assert value["seconds"][-1] == 0.06


class RecordingCrew:
    """Answers with numbers that tell engine, plan and turn."""

    def __init__(self, engine: str, asked: list[tuple[str, int]]) -> None:
        self._engine, self._asked = engine, asked

    def stand(self, plans: list[Any]) -> None:
        self._plans = plans

    def times(self, of: list[int], rounds: int) -> list[Any]:
        assert rounds == 1
        self._asked += [(self._engine, position) for position in of]
        return [[np.full((2, 4), self._plans[position]).tolist() for position in of]]


def jobs(plans: int) -> list[Any]:
    """So many plans of each engine, and both engines under two plans; a plan is its number."""
    from executed_rows import Series
    from in_turn import Job

    chosen = [(Series.PLANS, engine) for engine in ENGINES for _ in range(plans)]
    chosen += [(Series.ENGINES, engine) for _ in range(2) for engine in ENGINES]
    return [Job(*each, "sgd", (), number, 0.0) for number, each in enumerate(chosen)]  # type: ignore[arg-type]


def test_each_job_is_trained_once_in_every_round_and_gets_its_own_seconds() -> None:
    from in_turn import times_in_turn

    asked: list[tuple[str, int]] = []
    crews = {engine: RecordingCrew(engine, asked) for engine in ENGINES}
    found = times_in_turn(crews, jobs(3), rounds=4)  # type: ignore[arg-type]
    assert found.shape == (4, 10, 2, 4)
    assert (found == np.arange(10.0)[:, None, None]).all()
    rounds = [asked[at : at + 10] for at in range(0, len(asked), 10)]
    assert len(rounds) == 6
    assert all(len(set(each)) == 10 for each in rounds)


def test_where_engines_are_compared_each_step_follows_one_of_the_other_engine() -> None:
    """In both orders; positions from 2 on are of these plans."""
    from in_turn import times_in_turn

    asked: list[tuple[str, int]] = []
    crews = {engine: RecordingCrew(engine, asked) for engine in ENGINES}
    times_in_turn(crews, jobs(2), rounds=2)  # type: ignore[arg-type]
    followed = [(one[0], other[0]) for one, other in pairwise(asked) if other[1] >= 2]
    assert len(followed) == 16
    assert all(one != other for one, other in followed)


def test_rows_that_are_not_measured_anew_stay() -> None:
    """What was measured together goes together."""
    from executor import others
    from step_rows import step_row

    rows = [
        step_row(1.0, engine=engine, series=series, model=model)
        for model in ("this", "other")
        for series in ("plans", "engines")
        for engine in ENGINES
    ]
    words = argparse.Namespace(only="this", engines=["torchrec"], series=["plans", "engines"])
    kept = [(row.model, row.series, row.engine) for row in others(rows, words)]
    assert ("this", "plans", "torchrec") not in kept
    assert len(kept) == 7
    words.engines = list(ENGINES)
    assert {row.model for row in others(rows, words)} == {"other"}
    words.series = ["engines"]
    kept = [(row.model, row.series) for row in others(rows, words)]
    assert ("this", "plans") in kept
    assert ("this", "engines") not in kept


def test_drawn_models_follow_from_the_seed(shared_data: Path) -> None:
    from executed_models import drawn_models, models

    one, again, other = (list(drawn_models(seed)) for seed in (1, 1, 2))
    assert one == again
    assert [model.tables for model in one] != [model.tables for model in other]
    assert len(one) == len(list(models())) == 6
    for model in [*one, *other]:
        size = sum(table["rows"] * table["dim"] * 4 for table in model.tables)
        assert size <= 1.1 * 64 * 2**20


def two_tables() -> Any:
    """On two devices, several contenders come to the same plan."""
    from executed_models import Model

    tables = [{"name": f"t_{i}", "rows": 100, "dim": 16, "pooling": 2} for i in range(2)]
    return Model("two", tables, 512)


def cost_model() -> dict[str, Any]:
    value: dict[str, Any] = yaml.safe_load(find(Kind.COST_MODEL, "cpu", Path()).text)
    return value


def test_a_plan_that_several_contenders_make_is_trained_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import executor
    from contenders import Limits
    from executed_models import case_of

    there = [name for name in executor.CONTENDING if not name.startswith("torchrec")]
    monkeypatch.setattr(executor, "CONTENDING", there)
    case = case_of(two_tables(), cost_model(), 2)
    made = executor.plans_of(case, Limits(time_limit_seconds=1.0))
    names = [name for contenders, _ in made for name in contenders]
    assert len(names) == len(set(names)) > len(made)
    assert len({likeness(plan) for _, plan in made}) == len(made)


def test_processes_that_would_share_cores_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import executor

    monkeypatch.setattr("sys.argv", ["executor.py", "--processes", "100000"])
    with pytest.raises(SystemExit, match="would share"):
        executor.main()


def test_a_calibration_of_another_machine_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from executor import calibrated

    text = yaml.safe_dump({"calibration": {"machine": "9 cores of Another", "processes": 2}})
    for name in ("native.yaml", "native-native.yaml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match="2 processes on 9 cores of Another"):
        calibrated("native", argparse.Namespace(processes=2), tmp_path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Of what TorchRec imports.
@pytest.mark.skipif(find_spec("torchrec") is None, reason="torchrec is not installed")
def test_every_contender_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two small tables, once, by a calibration of other machines: the numbers mean nothing."""
    import executor

    monkeypatch.setattr(logging.root.manager, "disable", 0)  # TorchRec's planner is silenced.
    monkeypatch.setattr(executor, "models", lambda: [two_tables()])
    monkeypatch.setattr(executor, "drawn_models", lambda seed: [])
    framework = yaml.safe_load(find(Kind.FRAMEWORK, "torchrec-gloo", Path()).text)
    calibrations = dict.fromkeys(ENGINES, executor.Calibration(cost_model(), framework))
    words = argparse.Namespace(
        series=["plans", "engines"], only="", seed=1, processes=2, time_limit=1.0, rounds=1
    )
    (rows,) = executor.measure(calibrations, words)
    for engine in ENGINES:
        plans = [row for row in rows if (row.series, row.engine) == ("plans", engine)]
        assert {*executor.CONTENDING} <= {name for row in plans for name in row.contenders}
        assert {row.optimizer for row in plans} == {"sgd"}
    compared = [(row.engine, row.optimizer) for row in rows if row.series == "engines"]
    kinds = ("sgd", "rowwise_adagrad")
    assert compared == [(engine, kind) for kind in kinds for engine in ENGINES]
    assert all(0 < row.core_seconds[0] < 60 > row.seconds[0] > 0 for row in rows)
    assert all(row.predicted_seconds > 0 for row in rows)
    assert all(sum(row.sharding.values()) == 2 for row in rows)
