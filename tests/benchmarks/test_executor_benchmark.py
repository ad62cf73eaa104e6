"""Plans against plans, and engine beside engine: the tables, and the script that measures them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def test_the_tables_are_those_of_the_measurements() -> None:
    from page import EXECUTOR, README, TORCHREC, rendered

    tables = {
        TORCHREC: ["plans", "plans_on_a_core"],
        EXECUTOR: ["engines"],
        README: ["engine_summary"],
    }
    for page, names in tables.items():
        text = page.read_text(encoding="utf-8")
        assert re.findall(r"<!-- measured: (\w+) -->", text) == names
        assert rendered(text) == text


def test_six_models_were_measured_each_in_both_engines_under_both_optimizers() -> None:
    from executed_rows import OURS, read_executed
    from page import FIGURES

    rows = read_executed(FIGURES / "executor.json")
    assert len({row.model for row in rows if row.processes == 2}) == 6
    for processes in {row.processes for row in rows}:
        found = [row for row in rows if row.processes == processes]
        models = {row.model for row in found}
        ours = [(row.engine, row.optimizer) for row in found if row.contender == OURS]
        assert len(set(ours)) == 4
        assert [ours.count(each) for each in set(ours)] == [len(models)] * 4
        assert len({len(row.seconds) for row in found}) == 1


def row_of(contender: str, *seconds: float, engine: str = "torchrec", **other: Any) -> Any:
    """Of one model under SGD with two processes, unless something else is said."""
    from executed_rows import Row

    given = {"model": "m", "optimizer": "sgd", "processes": 2, "predicted_seconds": 0.012} | other
    on_core = tuple(each / 2 for each in seconds)
    return Row(contender=contender, engine=engine, seconds=seconds, core_seconds=on_core,
               sharding={}, **given)  # fmt: skip


def test_plans_are_compared_round_by_round() -> None:
    """The median of the rounds' ratios, not the ratio of medians or of the least."""
    from executed_rows import plan_lines

    ours = row_of("shardplan", 0.01, 0.02, 0.03)
    other = row_of("greedy-dim", 0.03, 0.03, 0.03)
    header, (line,) = plan_lines([ours, other, row_of("shardplan", 9, 9, 9, engine="native")])
    found = dict(zip(header, line, strict=True))
    assert found.pop("greedy-dim") == "1.50"
    assert (found.pop("shardplan ms"), found.pop("predicted ms")) == ("20.0", "12.0")
    assert found.pop("apart") == "1.00"
    assert (found.pop("model"), found.pop("processes")) == ("m", "2")
    assert set(found.values()) == {"-"}


def test_plans_are_compared_by_what_the_slowest_rank_spends_on_a_core() -> None:
    from executed_rows import plan_lines

    ours = row_of("shardplan", 0.01, 0.02, 0.03)
    other = row_of("greedy-dim", 0.02, 0.04, 0.12)
    header, (line,) = plan_lines([ours, other], on_core=True)
    found = dict(zip(header, line, strict=True))
    assert (found["shardplan ms"], found["greedy-dim"], found["apart"]) == ("10.0", "2.00", "1.00")


def engines(torchrec: tuple[float, ...], native: tuple[float, ...], **other: Any) -> list[Any]:
    """Both engines under both optimizers, row-wise Adagrad twice as fast in the native one."""
    fast = tuple(each / 2 for each in torchrec)
    return [
        row_of("shardplan", *torchrec, **other),
        row_of("shardplan", *native, engine="native", **other),
        row_of("shardplan", *torchrec, optimizer="rowwise_adagrad", **other),
        row_of("shardplan", *fast, engine="native", optimizer="rowwise_adagrad", **other),
        row_of("greedy-dim", *fast, **other),
    ]


def test_engines_are_compared_on_the_same_plan() -> None:
    from executed_rows import engine_lines

    _, lines = engine_lines(engines((0.01, 0.02, 0.04), (0.02, 0.03, 0.02)))
    assert lines == [
        ("m", "SGD", "2", "20.0", "20.0", "1.50", "0.75", "1.50"),
        ("m", "row-wise Adagrad", "2", "20.0", "10.0", "0.50", "0.00", "0.50"),
    ]


def test_the_summary_names_the_median_model_and_the_extremes() -> None:
    from executed_rows import engine_summary

    rows = [
        row
        for model, native in (("a", 0.01), ("b", 0.02), ("c", 0.04))
        for row in engines((0.01,), (native,), model=model)
    ]
    _, lines = engine_summary([*rows, *engines((0.01,), (0.03,), processes=4)])
    assert lines == [
        ("SGD", "2", "2.00 (1.00 to 4.00)", "2.00 (1.00 to 4.00)"),
        ("row-wise Adagrad", "2", "0.50 (0.50 to 0.50)", "0.50 (0.50 to 0.50)"),
        ("SGD", "4", "3.00 (3.00 to 3.00)", "3.00 (3.00 to 3.00)"),
        ("row-wise Adagrad", "4", "0.50 (0.50 to 0.50)", "0.50 (0.50 to 0.50)"),
    ]


@pytest.mark.slow
@pytest.mark.skipif(find_spec("torchrec") is None, reason="torchrec is not installed")
def test_every_contender_is_trained(shared_data: Path) -> None:
    """The smallest model, once, by a cost model of other machines: the numbers mean nothing."""
    from executed_rows import FEW_TYPES, OURS
    from executor import CONTENDING

    words = [
        "--only",
        "12 of",
        "--processes",
        "2",
        "--rounds",
        "1",
        "--time-limit",
        "1",
        "--format",
        "json",
    ]
    model = ROOT / "cost_models" / "h100.yaml"
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "benchmarks/executor.py", *words, "--cost-model", str(model)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert {row["contender"] for row in rows} == {*CONTENDING, FEW_TYPES}
    ours = [(row["engine"], row["optimizer"]) for row in rows if row["contender"] == OURS]
    kinds = ("sgd", "rowwise_adagrad")
    assert set(ours) == {(engine, kind) for engine in ("torchrec", "native") for kind in kinds}
    assert all(0 < min(row["core_seconds"]) < 60 > min(row["seconds"]) > 0 for row in rows)
    assert all(sum(row["sharding"].values()) == 12 for row in rows)
