"""Options that can be mixed, against every mix on a grid tried one by one."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from brute_force import ways_of
from effort import examples
from hypothesis import assume, given
from hypothesis import strategies as st
from problems import placed, problem_of

from shardplan.solve.mixing.best_mix import best_mix
from shardplan.solve.portfolio.portfolio import solve
from shardplan.solve.problem.placement import Placement, evaluate
from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.program.answer import Answer, Status
from shardplan.solve.settings import Settings

INFINITY = float("inf")
STEPS = 8
"""Steps between two neighbouring options on the grid of mixes."""
FEW_STEPS = 4
"""The same where every placement is tried with every mix."""


@st.composite
def cached_problems(draw: st.DrawFn) -> Problem:
    """Up to 3 items on 2 devices, each whole in memory, far away, or cached in part.

    Three options with falling loads and rising bytes can be mixed; loads are convex in the bytes.
    In half of the problems the other device of the node waits for what is fetched from far away.
    """
    items, stages = draw(st.integers(1, 3)), draw(st.sampled_from([1, 2]))
    load, device, node, blend = [], [], [], []
    for item in range(items):
        size = draw(st.integers(2, 9))
        slow = draw(st.lists(st.integers(4, 20), min_size=stages, max_size=stages))
        drop = draw(st.floats(0.3, 0.9))
        load += [[0.5] * stages, slow]
        device += [size, 0.0]
        node += [0.0, float(size)]
        blend += [10 * item, 10 * item + 1]
        for share, kept in ((0.1, 1.0), (0.4, 1.0 - drop), (0.9, 0.0)):
            load.append([1.0 + (each - 2.0) * kept for each in slow])
            device.append(size * share)
            node.append(float(size))
            blend.append(10 * item + 2)
    spare = draw(st.sampled_from([0.21, 0.51, 0.83]))
    shape = draw(st.sampled_from([Shape.DEVICE, Shape.ALL]))
    waits = draw(st.sampled_from([0.0, 0.6])) if shape is Shape.DEVICE else 0.0
    total = sum(device[::5])
    return problem_of(
        load,
        options_per_item=5,
        shape=shape,
        device_bytes=device,
        node_bytes=node,
        device_capacity=spare * total,
        node_capacity=2.0 * total,
        blend=np.array(blend),
        spill_seconds=waits * (np.array(load) - 1.0).clip(min=0.0),
    )


def mixes(problem: Problem, option: int, steps: int) -> list[np.ndarray]:
    """Weights of an option alone, or of all mixes of neighbours in its blend that are on a grid."""
    alike = np.flatnonzero(problem.blend == problem.blend[option])
    unit = np.eye(problem.option_count)
    if len(alike) == 1:
        return [unit[option]]
    return [
        unit[a] + (unit[b] - unit[a]) * step / steps
        for a, b in pairwise(alike)
        for step in range(steps + 1)
    ]


def best_by_force(problem: Problem, steps: int, fixed: Placement | None = None) -> float:
    """The least objective on the grid, of all placements or of a fixed one."""
    best, seen = INFINITY, set()
    spans = [list(ways_of(problem, item)) for item in range(problem.item_count)]
    if fixed is not None:
        spans = [
            [(option, tuple(fixed.targets_of(item).tolist()))]
            for item, option in enumerate(fixed.option.tolist())
        ]
    for ways in product(*spans):
        key = tuple((problem.blend[option], targets) for option, targets in ways)
        if key in seen:
            continue
        seen.add(key)
        placement = placed(ways)
        for weights in product(*(mixes(problem, way[0], steps) for way in ways)):
            found = evaluate(problem, replace(placement, weights=np.sum(weights, axis=0)))
            if found.fits:
                best = min(best, found.objective)
    return best


@given(cached_problems(), st.randoms(use_true_random=False))
@examples(60)
def test_proportions_are_the_best_for_a_placement(problem, random):
    """No mix on the grid is better, and the mix found fits."""
    ways = [random.choice(list(ways_of(problem, item))) for item in range(problem.item_count)]
    placement = placed(ways)
    by_force = best_by_force(problem, STEPS, placement)
    assume(by_force < INFINITY)
    found = evaluate(problem, best_mix(problem, placement))
    assert found.fits
    assert found.objective <= by_force * (1 + 1e-5)


@given(cached_problems())
@examples(8)
def test_the_portfolio_agrees_with_every_mix_of_every_placement(problem):
    """Its plan is no worse than the best on the grid, and its bound no higher."""
    by_force = best_by_force(problem, FEW_STEPS)
    assume(by_force < INFINITY)
    outcome = solve(problem, Settings(gap=1e-4, time_limit_seconds=1e6, effort=0.02))
    assert outcome.placement is not None
    assert evaluate(problem, outcome.placement).fits
    assert outcome.objective <= by_force * (1 + 2e-4)
    assert outcome.lower_bound <= by_force * (1 + 1e-6)
    assert outcome.gap <= 1e-3


def test_one_device_is_a_fractional_knapsack():
    """Two tables share a cache of 10 bytes: the one whose rows are hotter is cached first."""
    problem = problem_of(
        [9.0, 1.0, 9.0, 5.0],
        options_per_item=2,
        device_bytes=[0.0, 8.0, 0.0, 8.0],
        devices=1,
        device_capacity=10.0,
        blend=np.array([0, 0, 1, 1]),
    )
    start = placed([(0, (0,)), (2, (0,))])
    mixed = best_mix(problem, start)
    assert mixed.weights == pytest.approx([0.0, 1.0, 0.75, 0.25], abs=1e-5)
    assert evaluate(problem, mixed).objective == pytest.approx(1.0 + 9.0 - 0.25 * 4.0, rel=1e-5)


def cached_beside_a_full_device(spare_bytes: float) -> Problem:
    """Item 0 fills device 0 but for ``spare_bytes``; 1 and 2 can be cached, each byte a gain."""
    return problem_of(
        [0.0, 9.0, 1.0, 9.0, 1.0],
        options_per_item=[1, 2, 2],
        device_bytes=[100.0 - spare_bytes, 1.0, 9.0, 1.0, 9.0],
        device_capacity=100.0,
        blend=np.array([0, 1, 1, 2, 2]),
    )


def test_a_device_that_is_full_to_the_last_byte_leaves_the_others_their_mixes():
    """What cannot be mixed leaves less on device 0 than is kept free for rounding elsewhere."""
    problem = cached_beside_a_full_device(0.0)
    found = best_mix(problem, placed([(0, (0,)), (1, (1,)), (3, (1,))]))
    state = evaluate(problem, found)
    assert state.fits
    assert state.objective == pytest.approx(2.0)


def test_the_smallest_cache_that_fills_a_device_stays_and_the_others_are_mixed():
    problem = cached_beside_a_full_device(1.0)
    found = best_mix(problem, placed([(0, (0,)), (1, (0,)), (3, (1,))]))
    state = evaluate(problem, found)
    assert state.fits
    assert state.load_seconds[:, 0] == pytest.approx([9.0, 1.0])


def test_what_a_full_device_holds_is_mixed_as_before_where_the_start_was():
    problem = cached_beside_a_full_device(1.0 + 1e-7)
    start = placed([(0, (0,)), (1, (0,)), (3, (1,))])
    weights = np.array([1.0, 1.0 - 1e-8, 1e-8, 1.0, 0.0])
    found = best_mix(problem, replace(start, weights=weights))
    assert found.weights == pytest.approx([1.0, 1.0 - 1e-8, 1e-8, 0.0, 1.0], abs=1e-12)
    assert evaluate(problem, found).fits


def test_a_program_that_gives_no_proportions_leaves_a_placement_as_it_is(monkeypatch):
    """HiGHS may call a program solved that the clock cut off."""
    problem = cached_beside_a_full_device(1.0)
    start = placed([(0, (0,)), (1, (0,)), (3, (1,))])
    monkeypatch.setattr(
        "shardplan.solve.mixing.best_mix.solve_program",
        lambda program, limits: Answer(Status.OPTIMAL, x=np.zeros(program.column_count)),
    )
    assert best_mix(problem, start) is start
