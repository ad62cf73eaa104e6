"""What large units waste, added to the choice of options, against every placement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from brute_force import solve_by_force
from effort import examples
from hypothesis import assume, given
from hypothesis import strategies as st
from problems import problem_of
from random_problems import problems

from shardplan.solve.bound.large_units import large_units
from shardplan.solve.bound.option_choice import choose_options
from shardplan.solve.program.answer import Limits, Watch

if TYPE_CHECKING:
    from shardplan.solve.problem.problem import Problem

INFINITY = float("inf")
NO_ROWS = np.zeros((0, 2), dtype=np.int64)


def bounds(problem: Problem, objective: float) -> tuple[float, float]:
    """Of the choice of options: without what large units waste, and with it."""
    every = np.ones(problem.option_count, dtype=bool)
    found = [
        choose_options(
            problem, every, NO_ROWS, Limits(), stop_above=INFINITY, watch=Watch(), large=large
        ).lower_bound
        for large in (None, large_units(problem, every, NO_ROWS, objective))
    ]
    return found[0], found[1]


def one_device_problem(load_seconds: list[list[float]], devices: int) -> Problem:
    """Items with one option each, of one unit, without memory."""
    return problem_of(load_seconds, devices=devices)


@given(problems(), st.sampled_from([1.0, 1.01, 1.2, 2.0]))
@examples(80)
def test_the_bound_never_passes_the_best_placement(problem, slack):
    """Whatever objective was known before, if it is no better than the best."""
    best = solve_by_force(problem)
    assume(best is not None)
    without, with_waste = bounds(problem, best.objective * slack)
    assert with_waste <= best.objective * (1 + 1e-6)
    assert with_waste >= without * (1 - 1e-6)


def test_a_large_unit_leaves_its_device_short_of_another_stage():
    """The first item fills a device's first stage; beside it one of the others must find room."""
    problem = one_device_problem([[10.0, 0.0], [1.0, 10.0], [1.0, 10.0]], devices=2)
    without, with_waste = bounds(problem, objective=25.0)
    assert without == pytest.approx(10.0 + 10.0)
    assert with_waste == pytest.approx(11.0 + 10.0)


def test_large_units_that_cannot_meet_each_waste_a_device():
    """Beside each of two devices' large units half of another unit must stand, at the least."""
    problem = one_device_problem([[8.0, 0.0], [8.0, 0.0], [4.0, 6.0], [4.0, 6.0]], devices=3)
    best = solve_by_force(problem)
    without, with_waste = bounds(problem, objective=best.objective)
    assert best.objective == pytest.approx(12.0 + 6.0)
    assert without == pytest.approx(8.0 + 6.0)
    assert with_waste == pytest.approx(8.0 + 0.5 * 4.0 + 6.0)


def test_nothing_is_large_where_all_units_are_small():
    problem = one_device_problem([[1.0, 2.0]] * 12, devices=3)
    every = np.ones(12, dtype=bool)
    assert large_units(problem, every, NO_ROWS, objective=13.0) is None
