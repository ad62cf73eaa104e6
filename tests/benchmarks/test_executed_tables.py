"""Predicted beside measured, plans against plans, engine beside engine, and the second screen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from step_rows import cells, step_row

if TYPE_CHECKING:
    from collections.abc import Callable


def rows(**more: Any) -> list[Any]:
    """Steps of 10, 20 and 40 ms, predicted as 11, 18 and 16."""
    return [
        step_row(0.009, 0.01, 0.013, predicted_seconds=0.011, **more),
        step_row(0.02, 0.02, 0.02, predicted_seconds=0.018, contenders=("greedy-dim",), **more),
        step_row(
            0.04, 0.04, 0.04, predicted_seconds=0.016, contenders=("types: table_wise",), **more
        ),
    ]


def compared(ours: tuple[float, ...], theirs: tuple[float, ...], **more: Any) -> list[Any]:
    """shardplan's plan and TorchRec's planner's."""
    return [step_row(*ours, **more), step_row(*theirs, contenders=("torchrec",), **more)]


def test_errors_and_order_are_told_of_known_and_drawn_models_apart() -> None:
    """Errors of 10, 10 and 60%; of three pairs the two slower plans are out of order."""
    from executed_tables import accuracy_lines

    both = [*rows(), *rows(is_known=False, model="other")]
    known, drawn = cells(accuracy_lines(both))
    assert (known["models"], drawn["models"]) == ("known", "drawn")
    for found in (known, drawn):
        assert (found["of them"], found["plans"], found["MAPE"]) == ("1", "3", "26.7%")
        assert (found["pairs"], found["in order"]) == ("3", "66.7%")


def test_pairs_that_are_alike_have_no_order_and_noisy_ones_no_certain_one() -> None:
    """Nine rounds of 10 ms beside 10.4, 12, and some 5.5 to 20."""
    from executed_tables import accuracy_lines

    steady, alike = (0.01,) * 9, (0.0104,) * 9
    noisy = (0.0107, 0.02, 0.0055) * 3
    for other, pairs, certain in ((alike, "0", "0"), ((0.012,) * 9, "1", "1"), (noisy, "1", "0")):
        (found,) = cells(accuracy_lines(compared(steady, other)))
        assert (found["pairs"], found["certain pairs"]) == (pairs, certain)


def test_pairs_are_of_one_model_and_one_engine() -> None:
    from executed_tables import accuracy_lines

    two, one = cells(accuracy_lines([*rows(), *rows(model="other"), *rows(engine="native")]))
    assert (two["engine"], two["of them"], two["pairs"]) == ("torchrec", "2", "6")
    assert (one["engine"], one["of them"], one["pairs"]) == ("native", "1", "3")


def test_the_best_other_plan_is_compared_round_by_round() -> None:
    """Not with a plan that shardplan made of fewer types: rounds of 20 over 9, 10 and 13 ms."""
    from executed_tables import plan_lines

    (found,) = cells(plan_lines([*rows(), *rows(engine="native")], "torchrec"))
    assert (found["shardplan ms"], found["predicted ms"]) == ("10.0", "11.0")
    assert (found["best other"], found["ratio"]) == ("greedy-dim", "2.00 (1.77 to 2.11)")
    assert found["predicted ratio"] == "1.64"
    assert (found["torchrec"], found["pairs in order"]) == ("-", "2 of 3")


def test_the_best_other_plan_may_be_the_one_that_shardplan_made_too() -> None:
    """Then there is nothing to win or lose, however slow the next one is."""
    from executed_tables import plan_lines, summary_lines

    shared = step_row(0.01, 0.01, 0.01, contenders=("shardplan", "torchrec"))
    slow = step_row(0.02, 0.02, 0.02, contenders=("greedy-dim",))
    (found,) = cells(plan_lines([shared, slow], "torchrec"))
    assert (found["best other"], found["ratio"]) == ("torchrec", "1.00 (1.00 to 1.00)")
    assert found["shardplan is"] == "alike"
    (summary,) = cells(summary_lines([shared, slow]))
    assert (summary["fastest or within 3%"], summary["differ"]) == ("1 of 1", "0")


def faster() -> list[Any]:
    """By a sixth, in every round."""
    return compared((0.01,) * 9, (0.0121, 0.0119, 0.012) * 3, model="faster")


def slower() -> list[Any]:
    """As much, the other way round."""
    return compared((0.012,) * 9, (0.0101, 0.0099, 0.01) * 3, model="slower")


def noisy() -> list[Any]:
    """A median that differs a little, of rounds that differ a lot."""
    return compared((0.01,) * 9, (0.008, 0.0101, 0.012) * 3, model="noisy")


@pytest.mark.parametrize(
    ("found", "verdict"), [(faster, "faster"), (slower, "slower"), (noisy, "alike")]
)
def test_plans_differ_where_their_rounds_do_by_more_than_noise(
    found: Callable[[], list[Any]], verdict: str
) -> None:
    from executed_tables import plan_lines

    (line,) = cells(plan_lines(found(), "torchrec"))
    assert line["shardplan is"] == verdict


def test_the_more_plans_the_best_was_chosen_from_the_more_it_takes_to_differ() -> None:
    """The first of a hundred alike seems faster by chance."""
    from side_by_side import SideBySide

    ours, theirs = compared((0.01,) * 9, (0.0104, 0.0105, 0.0106) * 3)
    both = SideBySide((ours, theirs))
    assert both.ratio(theirs, ours).differs
    assert not both.ratio(theirs, ours, rivals=10_000).differs


def test_the_summary_counts_models_and_those_that_differ() -> None:
    """Factors of 1.2 and 1 / 1.2 cancel out; what is noise has no part in the mean."""
    from executed_tables import summary_lines

    (found,) = cells(summary_lines([*faster(), *slower(), *noisy()]))
    assert found["fastest or within 3%"] == "2 of 3"
    assert (found["differ"], found["best other / shardplan"]) == ("2", "1.00")
    assert (found["differ too"], found["torchrec / shardplan"]) == ("2", "1.00")


def engines(torchrec: float, native: float, **more: Any) -> list[Any]:
    """Both engines under both optimizers, row-wise Adagrad twice as fast in the native one."""
    found = []
    for optimizer, seconds in (("sgd", native), ("rowwise_adagrad", torchrec / 2)):
        given = {"series": "engines", "optimizer": optimizer} | more
        found.append(step_row(*(torchrec,) * 3, **given))
        found.append(step_row(*(seconds,) * 3, engine="native", **given))
    return found


def test_engines_are_compared_on_the_same_plan() -> None:
    from executed_tables import engine_lines

    sgd, adagrad = cells(engine_lines([*rows(), *engines(0.02, 0.03)]))
    assert (sgd["torchrec ms"], sgd["native ms"]) == ("20.0", "30.0")
    assert (sgd["by the clock"], sgd["native is"]) == ("1.50 (1.50 to 1.50)", "slower")
    assert (adagrad["optimizer"], adagrad["on a core"]) == (
        "row-wise Adagrad",
        "0.50 (0.50 to 0.50)",
    )
    assert adagrad["native is"] == "faster"


def test_the_summary_of_engines_names_the_median_model_and_the_extremes() -> None:
    from executed_tables import engine_summary

    found = [
        row
        for model, native in (("a", 0.01), ("b", 0.02), ("c", 0.04))
        for row in engines(0.01, native, model=model)
    ]
    lines = cells(engine_summary([*found, *engines(0.01, 0.03, is_known=False)]))
    assert [(line["optimizer"], line["models"], line["by the clock"]) for line in lines] == [
        ("SGD", "3 known", "2.00 (1.00 to 4.00)"),
        ("SGD", "1 drawn", "3.00 (3.00 to 3.00)"),
        ("row-wise Adagrad", "3 known", "0.50 (0.50 to 0.50)"),
        ("row-wise Adagrad", "1 drawn", "0.50 (0.50 to 0.50)"),
    ]


def test_the_machine_is_named_once() -> None:
    from executed_tables import machines

    assert machines(rows()) == "2 processes on 2 cores of Some Processor.\n"


def planned(family: str, ours: tuple[float, float], theirs: tuple[float, float]) -> list[Any]:
    """Ratios to the bound and CPU seconds of both planners on one problem."""
    from comparison import Row

    return [
        Row(family, family, "balance", name, ratio, 1.0, seconds)
        for name, (ratio, seconds) in (("shardplan", ours), ("torchrec", theirs))
    ]


def test_the_second_screen_says_where_torchrecs_planner_is_ahead() -> None:
    from second_screen import second_screen_lines

    problems = [
        *planned("dlrm", (1.0, 10.0), (1.1, 0.1)),
        *planned("criteo", (1.21, 1.0), (1.1, 10.0)),
        *planned("few-kinds", (1.01, 2.0), (1.02, 1.0)),
    ]
    steps = [*faster(), *slower(), *noisy(), *compared((0.01,) * 9, (0.02,) * 9, is_known=False)]
    quality, seconds, step = cells(second_screen_lines(problems, steps))
    assert quality["known models"] == "10.0% beside 10.0%: closer on 1, farther on 1 of 2"
    assert quality["drawn models"] == "1.0% beside 2.0%: closer on 1, farther on 0 of 1"
    assert seconds["known models"] == "3.2 s beside 1.0 s: sooner on 1, later on 1 of 2"
    assert step["known models"] == "10.6 ms beside 10.7 ms: faster on 1, slower on 1 of 3"
    assert step["drawn models"] == "10.0 ms beside 20.0 ms: faster on 1, slower on 0 of 1"
    assert all(f"`python benchmarks/{name}.py`" in line["measured by"]
               for name, line in (("quality", quality), ("executor", step)))  # fmt: skip


def test_plans_that_are_alike_seldom_seem_to_differ() -> None:
    """The best of seven others, in 21 rounds of 4% noise on a machine that drifts."""
    from side_by_side import ERROR, SideBySide

    random, models, wrong = np.random.default_rng(0), 60, 0
    for _ in range(models):
        drift = np.cumsum(0.02 * random.standard_normal(21))[:, None]
        seconds = 0.03 * np.exp(drift + 0.04 * random.standard_normal((21, 8)))
        ours, *others = (step_row(*column) for column in seconds.T.tolist())
        theirs = (replace(row, contenders=(f"greedy-{n}",)) for n, row in enumerate(others))
        ratio = SideBySide((ours, *theirs)).against_best_other()
        wrong += ratio is not None and ratio.differs
    allowed = ERROR * models
    assert wrong <= allowed + 2 * allowed**0.5
