"""Walks of reinsertions: what they find costs what they say, and is near the optimum."""

from __future__ import annotations

import numpy as np
import pytest
from problems import placed, problem_of

from shardplan.solve.problem.placement import evaluate
from shardplan.solve.problem.problem import Shape
from shardplan.solve.search.compiling.in_time import code_in_time
from shardplan.solve.search.reinsertion.arrays import Batches, BestWalk, Choices, Undo, Walk
from shardplan.solve.search.reinsertion.reinsertion import placement_of
from shardplan.solve.search.repartition.compiled.arrays import Objective, Options

ITEMS = 12


@pytest.fixture(scope="module")
def walk_on():
    pytest.importorskip("numba")
    code = code_in_time(
        "shardplan.solve.search.reinsertion.walk",
        float("inf"),
        is_long=True,
        waits_no_more=lambda: False,
    )
    return code.walk_on


def three_ways(rng: np.random.Generator, spill: float):
    """Items of one unit or two on devices, one on nodes, or on all; memory is scarce."""
    return problem_of(
        rng.lognormal(size=(4 * ITEMS, 2)),
        options_per_item=4,
        shape=[Shape.DEVICE, Shape.DEVICE, Shape.NODE, Shape.ALL] * ITEMS,
        units=[1, 2, 1, 1] * ITEMS,
        device_bytes=rng.random(4 * ITEMS),
        node_bytes=rng.random(4 * ITEMS),
        device_capacity=5.0,
        node_capacity=9.0,
        devices=4,
        nodes=2,
        spill_seconds=np.tile([[spill], [spill], [0.0], [0.0]], (ITEMS, 1)),
    )


def walked(walk_on, problem, start, batches: Batches):
    allowed = np.ones(problem.option_count, dtype=bool)
    walk = Walk.of(problem, start, allowed)
    best = BestWalk(np.array([np.inf]), walk.option.copy(), walk.slot.copy())
    parts = Options.of(problem), Choices.of(problem, allowed), Objective.of(problem, 8.0)
    undo = Undo.of(walk, problem.devices_per_node)
    walk_on(walk, *parts, batches, undo, best, 100.0)
    return walk, best


def moves(heat: float, batches: int = 200) -> Batches:
    dice = np.random.default_rng(3).random((batches, 50, 10))
    dice[:, :, 1] = -np.log1p(-dice[:, :, 1])
    return Batches(np.full(batches, heat), np.full(batches, 5), dice)


@pytest.mark.parametrize("spill", [0.0, 0.1])
def test_sums_of_a_walk_are_those_of_its_placement(walk_on, spill):
    """After ten thousand moves, most of which were undone."""
    problem = three_ways(np.random.default_rng(1), spill)
    start = placed([(4 * item, [item % 4]) for item in range(ITEMS)])
    walk, best = walked(walk_on, problem, start, moves(0.05))
    now = evaluate(problem, placement_of(walk.option, walk.slot))
    np.testing.assert_allclose(walk.load, now.load_seconds, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(walk.device_bytes, now.device_bytes, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(walk.node_bytes, now.node_bytes, rtol=1e-9, atol=1e-9)
    found = evaluate(problem, placement_of(best.option, best.slot))
    assert found.fits
    assert found.objective == pytest.approx(best.objective[0])
    assert found.objective < evaluate(problem, start).objective


def test_a_walk_splits_twenty_equal_items_evenly(walk_on):
    """All begin on one of four devices, which five each is the best for."""
    problem = problem_of(np.ones((20, 1)), devices=4)
    start = placed([(item, [0]) for item in range(20)])
    _, best = walked(walk_on, problem, start, moves(1e-3, batches=20))
    assert best.objective[0] == pytest.approx(5.0)


def test_the_same_dice_walk_the_same_way(walk_on):
    problem = three_ways(np.random.default_rng(2), 0.0)
    start = placed([(4 * item, [item % 4]) for item in range(ITEMS)])
    one, other = (walked(walk_on, problem, start, moves(0.02, batches=20)) for _ in range(2))
    assert one[1].objective[0] == other[1].objective[0]
    assert np.array_equal(one[0].slot, other[0].slot)
