"""The bound of averages, which no program has to be solved for."""

from __future__ import annotations

import numpy as np
from brute_force import solve_by_force
from effort import examples
from hypothesis import given
from problems import problem_of
from random_problems import problems

from shardplan.solve.bound.averages import averages
from shardplan.solve.bound.relaxation import relax
from shardplan.solve.deadline import Deadline
from shardplan.solve.problem.placement import Placement, evaluate
from shardplan.solve.program.answer import Limits


@examples(60)
@given(problem=problems())
def test_no_placement_is_below_it_nor_below_what_an_option_raises_it_by(problem):
    every = np.ones(problem.option_count, dtype=bool)
    bound, raised, is_least = averages(problem, every)
    best = solve_by_force(problem)
    linear = relax(problem)
    assert bound <= linear.lower_bound * (1 + 1e-6)
    assert np.bincount(problem.item_of_option[is_least]).tolist() == [1] * problem.item_count
    if best is None:
        return
    assert bound <= best.objective * (1 + 1e-9)
    for option in np.flatnonzero(raised > 0).tolist():
        without_others = every & (problem.item_of_option != problem.item_of_option[option])
        without_others[option] = True
        assert averages(problem, without_others)[0] >= (bound + raised[option]) * (1 - 1e-6)


@examples(20)
@given(problem=problems())
def test_it_stands_for_the_linear_program_where_that_has_no_time(problem):
    now = Deadline.after(0.0, lambda: 5.0)
    found = relax(problem, limits=Limits(now))
    bound, raised, is_least = averages(problem, np.ones(problem.option_count, dtype=bool))
    assert found.lower_bound == bound
    assert found.reduced_cost.tolist() == raised.tolist()
    assert found.share.tolist() == is_least.tolist()


def test_it_is_reached_where_all_devices_are_alike():
    problem = problem_of([4.0, 4.0])
    bound = averages(problem, np.ones(2, dtype=bool))[0]
    placed = Placement.of_single_units(np.array([0, 1]), np.array([0, 1]))
    assert evaluate(problem, placed).objective * (1 - 1e-8) <= bound
