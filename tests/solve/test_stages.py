"""Merging stages leaves every placement's objective as it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from brute_force import solve_by_force, ways_of
from hypothesis import assume, given
from hypothesis import strategies as st
from problems import chained, placed, problem_of
from random_problems import problems

from shardplan.solve.problem.placement import evaluate
from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.problem.stages import merge_stages


def with_likenesses(problem: Problem, factor: float) -> Problem:
    """The problem with two more stages: the first one scaled, and one of all-device loads alone."""
    scaled = problem.load_seconds[:, :1] * factor
    everywhere = np.where(problem.shape == Shape.ALL, 1.5, 0.0)[:, None]
    spill, chain = problem.spill_seconds, problem.objective.in_chain
    spill = np.hstack([spill, spill[:, :1] * factor, np.zeros_like(everywhere)])
    return replace(
        problem,
        load_seconds=np.hstack([problem.load_seconds, scaled, everywhere]),
        objective=replace(problem.objective, in_chain=chain[[*range(len(chain)), 0, 0]]),
        spill_seconds=spill,
    )


@given(problems(), st.floats(0.25, 4.0))
def test_every_placement_costs_the_same_with_fewer_stages(problem, factor):
    more = with_likenesses(problem, factor)
    merged = merge_stages(more)
    assert merged.stage_count <= problem.stage_count
    ways = [next(ways_of(problem, item), None) for item in range(problem.item_count)]
    assume(None not in ways)
    placement = placed(ways)
    assert evaluate(merged, placement).objective == pytest.approx(
        evaluate(more, placement).objective
    )


@given(problems())
def test_the_optimum_stays(problem):
    more = with_likenesses(problem, 2.0)
    before, after = solve_by_force(more), solve_by_force(merge_stages(more))
    assert (before is None) == (after is None)
    if before is not None and after is not None:
        assert after.objective == pytest.approx(before.objective)


def test_stages_of_different_chains_and_different_proportions_stay_apart():
    problem = problem_of(
        [[1.0, 2.0, 1.0], [2.0, 4.0, 3.0]],
        chain_of_stage=[0, 1, 0],
        chain_seconds=[0.0, 0.0],
    )
    assert merge_stages(problem).load_seconds.tolist() == problem.load_seconds.tolist()
    one_chain = chained([0, 0, 0], [0.0])
    same_chain = merge_stages(replace(problem, objective=one_chain))
    assert same_chain.load_seconds.tolist() == [[3.0, 1.0], [6.0, 3.0]]
