"""What units that nearly fill a device cost the others, against every placement."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from brute_force import solve_by_force
from effort import examples
from hypothesis import assume, given
from hypothesis import strategies as st
from problems import problem_of
from random_problems import problems

from shardplan.solve.bound.filling_units import FillingUnits
from shardplan.solve.bound.relaxation import relax
from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.program.answer import Limits

INFINITY = float("inf")


@st.composite
def crowded_problems(draw: st.DrawFn) -> Problem:
    """The first options of some items fill 6 or 9 tenths of a device, the others little of it."""
    problem = draw(problems())
    device_bytes = problem.device_bytes.copy()
    capacity = problem.device_capacity.max(axis=0)
    device_bytes = np.minimum(device_bytes, 0.3 * capacity)
    first = problem.option_offsets[:-1]
    first = first[problem.shape[first] == Shape.DEVICE]
    filled = draw(st.lists(st.sampled_from([0.3, 0.6, 0.9]), min_size=len(first), max_size=5))
    device_bytes[first, 0] = np.array(filled[: len(first)]) * capacity[0]
    return replace(problem, device_bytes=device_bytes)


def bound(problem: Problem, first: np.ndarray | None = None) -> float:
    units = FillingUnits.of(problem)
    assert units is not None
    return units.lower_bound(
        relax(problem).unit_rows,
        np.ones(problem.option_count, dtype=bool) if first is None else first,
        upper_bound=INFINITY,
        limits=Limits(),
        should_stop=lambda: False,
    )


@given(crowded_problems())
@examples(80)
def test_the_bound_is_between_the_relaxation_and_the_best_placement(problem):
    assume(FillingUnits.of(problem) is not None)
    best = solve_by_force(problem)
    assume(best is not None)
    found = bound(problem)
    assert found <= best.objective * (1 + 1e-6)
    assert found >= relax(problem).lower_bound * (1 - 1e-6)


@given(crowded_problems())
@examples(50)
def test_options_let_in_as_they_are_wanted_give_the_same_bound(problem):
    """From one option per item, all that would lower the optimum are found."""
    assume(FillingUnits.of(problem) is not None)
    one = np.zeros(problem.option_count, dtype=bool)
    one[problem.option_offsets[:-1]] = True
    all_at_once, one_by_one = bound(problem), bound(problem, one)
    assert one_by_one == pytest.approx(all_at_once, rel=1e-6)


def test_beside_a_filling_unit_there_is_no_room_for_its_share_of_the_rest():
    """Two devices of 10 bytes. A takes 8 bytes and no time; what is left, 4 units of 3 bytes and 1
    second, lies on the other device but for what fits into 2 bytes: a third of 2 units; split in
    two, A takes a second on either device, and the rest is balanced."""
    problem = problem_of(
        [0.0, 1.5, 1.0, 1.0, 1.0, 1.0],
        options_per_item=[2, 1, 1, 1, 1],
        units=[1, 2, 1, 1, 1, 1],
        device_bytes=[8.0, 4.0, 3.0, 3.0, 3.0, 3.0],
        device_capacity=10.0,
    )
    assert relax(problem).lower_bound == pytest.approx(2.0)
    # Filling: 4 - 2 / 3 seconds on the other device. Split: 1.5 on each, and 2 of the rest.
    assert bound(problem) == pytest.approx(min(4 - 2 / 3, 1.5 + 2.0))


def test_there_is_nothing_to_say_where_no_unit_needs_half_a_device():
    problem = problem_of([1.0], device_bytes=5.0, device_capacity=10.0)
    assert FillingUnits.of(problem) is None
