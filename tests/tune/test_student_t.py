"""Quantiles of Student's t against printed tables and closed forms."""

from __future__ import annotations

from math import pi, tan

import pytest

from shardplan.tune.race.student_t import t_quantile, t_tail


@pytest.mark.parametrize(
    ("tail", "freedom", "printed"),
    [
        (0.05, 1, 6.314),
        (0.025, 5, 2.571),
        (0.005, 10, 3.169),
        (0.001, 30, 3.385),
        (0.05, 120, 1.658),
    ],
)
def test_quantiles_are_those_of_printed_tables(tail, freedom, printed):
    assert t_quantile(tail, freedom) == pytest.approx(printed, abs=6e-4)


@pytest.mark.parametrize("tail", [0.4, 0.05, 1e-3, 1e-5])
def test_one_degree_of_freedom_is_the_cauchy_distribution(tail):
    assert t_quantile(tail, 1) == pytest.approx(tan(pi * (0.5 - tail)), rel=1e-6)


@pytest.mark.parametrize("tail", [0.4, 0.05, 1e-3, 1e-5])
def test_two_degrees_of_freedom_have_a_closed_form(tail):
    a = 1 - 2 * tail
    assert t_quantile(tail, 2) == pytest.approx(a * (2 / (1 - a * a)) ** 0.5, rel=1e-6)


def test_half_of_the_chance_is_above_nothing():
    assert t_tail(0.0, 3.5) == 0.5
