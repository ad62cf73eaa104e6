"""Predicted beside measured, plans against plans: the tables of calibrated steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from shardplan.spec.catalog.catalog import Kind, find


def row(*seconds: float, predicted: float, contenders: tuple[str, ...], **more: Any) -> Any:
    from calibrated_rows import CalibratedRow

    given = {"engine": "native", "is_known": True, "model": "m"} | more
    return CalibratedRow(
        contenders=contenders,
        processes=2,
        seconds=seconds,
        part_seconds=(0.0, 0.0, 0.0),
        predicted_seconds=predicted,
        sharding={"table_wise": 3},
        **given,
    )


def rows(**more: Any) -> list[Any]:
    """Steps of 10, 20 and 40 ms, predicted as 11, 18 and 16."""
    return [
        row(0.009, 0.01, 0.013, predicted=0.011, contenders=("shardplan", "torchrec"), **more),
        row(0.02, 0.02, 0.02, predicted=0.018, contenders=("greedy-dim",), **more),
        row(0.04, 0.04, 0.04, predicted=0.016, contenders=("types: table_wise",), **more),
    ]


def cells(lines: Any) -> list[dict[str, str]]:
    header, found = lines
    return [dict(zip(header, line, strict=True)) for line in found]


def test_errors_and_order_are_told_of_known_and_drawn_models_apart() -> None:
    """Errors of 10, 10 and 60%; of three pairs the two slower plans are out of order."""
    from calibrated_rows import accuracy_lines

    both = [*rows(), *rows(is_known=False, model="other")]
    known, drawn = cells(accuracy_lines(both))
    assert (known["models"], drawn["models"]) == ("known", "drawn")
    for found in (known, drawn):
        assert (found["of them"], found["plans"], found["MAPE"]) == ("1", "3", "26.7%")
        assert (found["pairs"], found["in order"]) == ("3", "66.7%")


def test_pairs_are_of_one_model() -> None:
    from calibrated_rows import accuracy_lines

    (found,) = cells(accuracy_lines([*rows(), *rows(model="other")]))
    assert (found["of them"], found["pairs"]) == ("2", "6")


def test_the_best_other_plan_is_compared_round_by_round() -> None:
    """Not with a plan that shardplan made of fewer types: rounds of 20 over 9, 10 and 13 ms."""
    from calibrated_rows import plan_lines

    (found,) = cells(plan_lines(rows()))
    assert (found["shardplan ms"], found["predicted ms"]) == ("10.0", "11.0")
    assert (found["best other"], found["ratio"], found["apart"]) == ("greedy-dim", "2.00", "0.34")
    assert found["pairs in order"] == "2 of 3"


def test_the_summary_counts_models_and_those_that_differ() -> None:
    """One model wins twice over, one loses by a half in every round, one by what is noise."""
    from calibrated_rows import summary_lines

    slower = [
        row(0.02, 0.02, 0.02, predicted=0.01, contenders=("shardplan",), model="slow"),
        row(0.01, 0.01, 0.01, predicted=0.02, contenders=("torchrec",), model="slow"),
    ]
    noisy = [
        row(0.010, 0.010, 0.010, predicted=0.01, contenders=("shardplan",), model="noisy"),
        row(0.008, 0.0099, 0.012, predicted=0.02, contenders=("torchrec",), model="noisy"),
    ]
    (found,) = cells(summary_lines([*rows(), *slower, *noisy]))
    assert found["fastest or within 3%"] == "2 of 3"
    assert (found["differing"], found["geometric mean"]) == ("2", "1.00")


def test_rows_read_back_the_same(tmp_path: Any) -> None:
    from calibrated_rows import as_json, read_calibrated

    path = tmp_path / "steps.json"
    path.write_text(as_json(rows()))
    assert read_calibrated(path) == rows()


def test_drawn_models_follow_from_the_seed(shared_data: Any) -> None:
    from executed_models import drawn_models, models

    one, again, other = (list(drawn_models(seed)) for seed in (1, 1, 2))
    assert one == again
    assert [model.tables for model in one] != [model.tables for model in other]
    assert len(one) == len(list(models())) == 6
    for model in [*one, *other]:
        size = sum(table["rows"] * table["dim"] * 4 for table in model.tables)
        assert size <= 1.1 * 64 * 2**20


def test_a_plan_that_several_contenders_make_is_trained_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With two small tables on two devices, several of them come to the same."""
    import calibrated_steps
    from calibrated_steps import plans_of
    from contenders import Limits
    from executed_models import Model, case_of

    text = find(Kind.COST_MODEL, "cpu", Path()).text
    tables = [{"name": f"t_{i}", "rows": 100, "dim": 16, "pooling": 2} for i in range(2)]
    case = case_of(Model("two", tables, 512), yaml.safe_load(text), 2)
    there = [name for name in calibrated_steps.CONTENDING if not name.startswith("torchrec")]
    monkeypatch.setattr(calibrated_steps, "CONTENDING", there)
    made = plans_of(case, Limits(time_limit_seconds=1.0))
    names = [name for contenders, _ in made for name in contenders]
    assert len(names) == len(set(names)) > len(made)
    plans = [plan.model_dump_json(include={"plan"}) for _, plan in made]
    assert len(set(plans)) == len(plans)


def test_processes_that_would_share_cores_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import calibrated_steps

    monkeypatch.setattr("sys.argv", ["calibrated_steps.py", "--processes", "100000"])
    with pytest.raises(SystemExit, match="would share"):
        calibrated_steps.main()
