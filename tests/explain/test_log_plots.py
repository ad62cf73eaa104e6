"""Logarithmic axes, and plots in characters."""

from __future__ import annotations

import pytest

from shardplan.explain.render.log_axis import LogAxis
from shardplan.explain.render.text_plot import Mark, TextAxis, text_plot


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (1, 1000, [1, 10, 100, 1000]),
        (2, 30, [2, 5, 10, 20]),
        (2.1, 8.7, [4, 6, 8]),
        (1.31, 1.52, [1.35, 1.4, 1.45, 1.5]),
        (17.6, 39.2, [20, 25, 30, 35]),
    ],
)
def test_ticks_are_round_numbers_inside(low, high, ticks):
    found = LogAxis(low, high).ticks(6)
    assert {f"{tick:g}" for tick in ticks} <= {f"{tick:g}" for tick in found}
    assert all(low <= tick <= high for tick in found)


@pytest.mark.parametrize("power", range(-6, 7))
def test_there_are_ticks_at_every_scale_and_never_too_many(power):
    for factor in (1.3, 2.0, 7.0, 1e3, 1e9):
        ticks = LogAxis(1.17 * 10.0**power, 1.17 * factor * 10.0**power).ticks(5)
        assert 2 <= len(ticks) <= 5


def test_one_value_is_in_the_middle_of_its_axis():
    assert LogAxis.of([3.0]).share(3.0) == pytest.approx(0.5)


@pytest.mark.parametrize("width", [30, 77, 200])
def test_a_plot_is_as_wide_as_it_may_be_and_puts_marks_where_they_belong(width):
    marks = [Mark(10.0**n, 10.0**-n, "abc"[n]) for n in range(3)]
    axis = TextAxis("x", lambda value: f"{value:g}")
    lines = text_plot(marks, axis, axis, width)
    assert max(map(len, lines)) <= width
    rows = [next(row for row, line in enumerate(lines[1:]) if mark in line) for mark in "abc"]
    columns = [lines[1:][row].index(mark) for row, mark in zip(rows, "abc", strict=True)]
    assert columns[1] - columns[0] == pytest.approx(columns[2] - columns[1], abs=1)
    assert rows[1] - rows[0] == pytest.approx(rows[2] - rows[1], abs=1)
    assert rows == sorted(rows)
