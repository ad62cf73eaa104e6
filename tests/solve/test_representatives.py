"""Which options a search draws from, and which are small enough to be placed well."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from problems import problem_of

from shardplan.solve.bound.relaxation import relax
from shardplan.solve.mixing.representatives import fine_enough, near_best
from shardplan.solve.problem.problem import Problem, Shape


def two_items() -> Problem:
    """Each with a unit for one device that is long or fills it, or its like split in two."""
    return problem_of(
        [4.0, 2.2, 2.5, 1.0, 0.6],
        options_per_item=[3, 2],
        shape=[Shape.DEVICE, Shape.DEVICE, Shape.ALL, Shape.DEVICE, Shape.DEVICE],
        units=[1, 2, 1, 1, 2],
        device_bytes=[1.0, 0.5, 1.0, 9.0, 4.5],
        device_capacity=10.0,
    )


def test_the_options_near_the_relaxed_optimum_are_the_cheapest_of_each_shape():
    problem = two_items()
    relaxation = replace(relax(problem), reduced_cost=np.array([0.3, 0.1, 0.9, 0.0, 0.2]))
    assert near_best(problem, relaxation, 1).tolist() == [False, True, True, True, False]
    assert near_best(problem, relaxation, 2).all()


def test_units_that_fill_a_device_are_too_large():
    problem = two_items()
    relaxation = replace(relax(problem), stage_max=np.array([5.0]), lower_bound=5.0)
    every = np.ones(5, dtype=bool)
    assert fine_enough(problem, every, relaxation, 1.0, 0.5).tolist() == [
        *(True, True, True),
        *(False, True),
    ]
    assert fine_enough(problem, every, relaxation, 0.5, 1.0).tolist() == [
        *(False, True, True),
        *(True, True),
    ]


def test_an_item_keeps_its_finest_option_however_large():
    problem = two_items()
    relaxation = replace(relax(problem), stage_max=np.array([5.0]), lower_bound=5.0)
    without_all = problem.shape != Shape.ALL
    fine = fine_enough(problem, without_all, relaxation, 0.1, 0.1)
    assert fine.tolist() == [False, True, False, False, True]
