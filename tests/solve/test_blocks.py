"""Blocks of devices solved by integer program: never slower, always legal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from brute_force import objective_by_hand, solve_by_force
from effort import examples
from hypothesis import assume, given
from hypothesis import strategies as st
from problems import placed, problem_of
from random_problems import problems

from shardplan.solve.problem.placement import Placement, evaluate
from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.program.answer import Limits, Watch
from shardplan.solve.search.blocks import Blocks, improve_blocks

SEEDS = st.integers(0, 2**32 - 1)


def some_placement(problem: Problem) -> Placement:
    """One that breaks no rule: the best one for the loads of other options."""
    best = solve_by_force(replace(problem, load_seconds=problem.load_seconds[::-1]))
    assume(best is not None)
    return placed(best.ways)


def improve(
    problem: Problem,
    start: Placement,
    params: Blocks,
    seed: int = 0,
    allowed: np.ndarray | None = None,
    watch: Watch | None = None,
) -> Placement:
    """With all options allowed by default."""
    every = np.ones(problem.option_count, dtype=bool)
    allowed = every if allowed is None else allowed
    rng = np.random.default_rng(seed)
    limits = Limits(nodes=params.nodes, relative_gap=params.relative_gap)
    return improve_blocks(problem, start, allowed, params, rng, limits, watch or Watch())


def on_devices_alone(problem: Problem) -> Problem:
    """The problem as one that a block of the whole cluster is the same as.

    All units land on devices, none has to be kept apart from others, no option has more units than
    there are devices, and nothing needs memory or time that devices share.
    """
    return replace(
        problem,
        shape=np.zeros_like(problem.shape),
        units=np.minimum(problem.units, problem.device_count),
        node_bytes=np.zeros_like(problem.node_bytes),
        apart=(),
        spill_seconds=np.zeros_like(problem.load_seconds),
    )


@given(problems(), SEEDS)
@examples(30)
def test_the_result_breaks_no_rule_and_is_no_slower(problem, seed):
    start = some_placement(problem)
    found = improve(problem, start, Blocks(blocks=6, devices=2), seed)
    by_hand = objective_by_hand(problem, found)
    assert by_hand is not None
    assert by_hand == pytest.approx(evaluate(problem, found).objective)
    assert by_hand <= objective_by_hand(problem, start) * (1 + 1e-9)


@given(problems().map(on_devices_alone), SEEDS)
@examples(30)
def test_a_block_of_the_whole_cluster_reaches_the_optimum(problem, seed):
    start = some_placement(problem)
    params = Blocks(blocks=1, devices=problem.device_count, cells=10_000, nodes=10_000)
    found = improve(problem, start, params, seed)
    optimum = solve_by_force(problem).objective
    assert objective_by_hand(problem, found) == pytest.approx(optimum, rel=3e-5)


@given(problems(), SEEDS)
@examples(30)
def test_items_take_no_option_that_is_not_allowed(problem, seed):
    start = some_placement(problem)
    allowed = np.zeros(problem.option_count, dtype=bool)
    found = improve(problem, start, Blocks(blocks=4), seed, allowed)
    assert found.option.tolist() == start.option.tolist()


@given(problems(), SEEDS)
@examples(30)
def test_what_lands_on_nodes_or_is_kept_apart_stays_where_it_is(problem, seed):
    start = some_placement(problem)
    found = improve(problem, start, Blocks(blocks=4), seed)
    apart = {item for group in problem.apart for item in group.tolist()}
    for item, option in enumerate(start.option.tolist()):
        if item in apart or problem.shape[option] != Shape.DEVICE:
            assert found.option[item] == option
            assert found.targets_of(item).tolist() == start.targets_of(item).tolist()


def eight_items_on_one_device() -> tuple[Problem, Placement]:
    problem = problem_of([1.0] * 8, devices=4, nodes=2)
    return problem, placed((item, (0,)) for item in range(8))


def test_small_blocks_one_after_the_other_level_the_whole_cluster():
    """Eight equal items, all on the first of four devices, end two on each."""
    problem, start = eight_items_on_one_device()
    found = improve(problem, start, Blocks(blocks=20, devices=2))
    assert np.bincount(found.targets).tolist() == [2, 2, 2, 2]


def test_blocks_that_are_too_large_or_interrupted_change_nothing():
    problem, start = eight_items_on_one_device()
    tiny = improve(problem, start, Blocks(cells=1))
    stopped = improve(problem, start, Blocks(), watch=Watch(should_stop=lambda: True))
    assert tiny.targets.tolist() == stopped.targets.tolist() == start.targets.tolist()


def test_devices_of_a_block_share_what_is_free_on_their_node():
    """Each of eight items may be free of cost for memory of the node, which has room for three."""
    problem = problem_of(
        [1.0, 0.0] * 8,
        options_per_item=2,
        node_bytes=[0.0, 2.0] * 8,
        devices=4,
        node_capacity=7.0,
    )
    start = placed((2 * item, (0,)) for item in range(8))
    found = improve(problem, start, Blocks(blocks=20))
    assert evaluate(problem, found).fits
    assert evaluate(problem, found).objective < 8.0
