"""Whole numbers of equal items, and what their large units waste, against every placement."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from brute_force import solve_by_force
from effort import examples
from hypothesis import assume, given
from hypothesis import strategies as st
from problems import problem_of
from random_problems import charged_problems

from shardplan.solve.bound.classes.class_choice import ClassChoiceParams, bound_by_class_choice
from shardplan.solve.bound.relaxation import relax
from shardplan.solve.problem.problem import left_out
from shardplan.solve.program.answer import Limits, Watch

if TYPE_CHECKING:
    from shardplan.solve.problem.problem import Problem


def bound(problem: Problem, upper_bound: float, **params: int) -> float:
    relaxation = relax(problem)
    return bound_by_class_choice(
        problem,
        relaxation.lower_bound + relaxation.reduced_cost,
        lower_bound=0.0,
        upper_bound=upper_bound,
        limits=Limits(),
        watch=Watch(),
        params=replace(ClassChoiceParams(), **params),
    )


def with_equal_items(problem: Problem, times: int) -> Problem:
    """The first item so many times, and one other."""
    first = np.arange(problem.options_per_item[0])
    others = np.array(problem.options_of(problem.item_count - 1))
    source = np.concatenate([*[first] * times, others])
    counts = [len(first)] * times + [len(others)]
    fields = ("shape", "units", "load_seconds", "device_bytes", "node_bytes", "domain")
    return replace(
        problem,
        option_offsets=np.concatenate([[0], np.cumsum(counts)]),
        objective=problem.objective.renumbered(source),
        apart=(),
        blend=np.arange(len(source)),
        spill_seconds=left_out(),
        mean_seconds=left_out(),
        fullest=left_out(),
        **{name: getattr(problem, name)[source] for name in fields},
    )


@given(
    charged_problems(),
    st.sampled_from([1, 2, 3]),
    st.sampled_from([1.0, 1.02, 1.3, 3.0]),
    st.sampled_from([0, 8_000]),
)
@examples(40)
def test_no_placement_beats_it(problem, times, above, most_columns):
    """Whatever placement is known, with large units and without, whatever is charged for."""
    problem = with_equal_items(problem, times)
    best = solve_by_force(problem)
    assume(best is not None and best.objective > 0)
    found = bound(problem, best.objective * above, most_columns=most_columns)
    assert found <= best.objective * (1 + 1e-6)


def test_equal_items_take_options_in_whole_numbers():
    """Of three equal items on two devices one is cut or one device has two of them."""
    problem = problem_of([2.0, 1.2] * 3, options_per_item=2, units=[1, 2] * 3)
    best = solve_by_force(problem)
    assert best is not None
    assert best.objective == pytest.approx(2.0 + 1.2)
    assert relax(problem).lower_bound == pytest.approx(3.0)
    assert bound(problem, 3.4) == pytest.approx(best.objective, rel=2e-3)


def test_equal_large_units_leave_their_devices_short_of_another_stage():
    """Three units fill a device's first stage each, so that the fourth device alone has room for
    what the second stage is made of."""
    load = [[10.0, 0.0]] * 3 + [[1.0, 10.0]] * 3
    problem = problem_of(load, devices=4)
    best = solve_by_force(problem)
    assert best is not None
    assert best.objective == pytest.approx(11.0 + 10.0)
    assert relax(problem).lower_bound == pytest.approx(10.0 + 10.0)
    assert bound(problem, best.objective) > 10.0 + 10.0


def test_a_lower_ceiling_makes_more_units_large():
    """Below 11 seconds a stage has less than 6 of them, its mean in the other being 5. So no two of
    five units of 3 share a device, and there are three devices."""
    problem = problem_of([[3.0, 3.0]] * 5, devices=3)
    assert bound(problem, 16.0, most_asked=1) == pytest.approx(10.0, rel=1e-3)
    assert bound(problem, 16.0) == pytest.approx(11.0, rel=2e-3)


def test_more_options_than_are_counted_leave_what_is_known():
    problem = problem_of(np.arange(1.0, 7.0), devices=2)
    assert bound(problem, 11.0, most_options=5) == 0.0
