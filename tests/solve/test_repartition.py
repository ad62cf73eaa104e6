"""Balancing by repartition: what it reports is legal, is what it claims, and never gets worse."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from brute_force import objective_by_hand, ways_of
from effort import examples
from hypothesis import assume, given
from hypothesis import strategies as st
from problems import placed, problem_of
from random_problems import problems

from shardplan.solve.problem.legality import is_legal
from shardplan.solve.problem.placement import Placement, evaluate
from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.search.incumbent import Incumbent
from shardplan.solve.search.repartition.chance import Dice
from shardplan.solve.search.repartition.copies import MOST_SLOTS, Copies
from shardplan.solve.search.repartition.pair_changes import ChangeDraws, Pairs
from shardplan.solve.search.repartition.pair_objective import PairObjective
from shardplan.solve.search.repartition.repartition import RepartitionParams, repartition

SEEDS = st.integers(0, 2**32 - 1)
MANY_ROUNDS = RepartitionParams(copies=3, rounds=50, changes=4)


def random_start(problem: Problem, seed: int) -> Placement | None:
    """A placement that is legal, which may be over capacity; None where none is met with."""
    rng = np.random.default_rng(seed)
    ways = [list(ways_of(problem, item)) for item in range(problem.item_count)]
    for _ in range(100 if all(ways) else 0):
        chosen = [of_item[rng.integers(len(of_item))] for of_item in ways]
        start = placed(chosen)
        if is_legal(problem, start):
            return start
    return None


def search(
    problem: Problem,
    start: Placement,
    seed: int,
    params: RepartitionParams = MANY_ROUNDS,
    incumbent: Incumbent | None = None,
) -> Incumbent:
    """Repartition with all options allowed."""
    incumbent = incumbent or Incumbent()
    repartition(
        problem,
        start,
        np.ones(problem.option_count, dtype=bool),
        params,
        np.random.default_rng(seed),
        scale_seconds=problem.time_unit,
        incumbent=incumbent,
    )
    return incumbent


def crowded(seed: int) -> tuple[Problem, Placement]:
    """16 items of every kind on 8 devices of 2 nodes, and a start that is legal and fits.

    The last three options are kept apart; items 4 to 6 have 6 units, and items 7 and 8 land on
    nodes. Some options may only land on devices 0, 1, 4, 5, 6 and 7.
    """
    rng = np.random.default_rng(seed)
    counts = np.array([3, 3, 3, 3, 2, 1, 1, 1, 2, 2, 2, 2, 1, 1, 1, 1])
    items = len(counts)
    total, item = int(counts.sum()), np.repeat(np.arange(items), counts)
    shape = np.where((item == 7) | (item == 8), Shape.NODE, Shape.DEVICE).astype(np.int8)
    shape[item == 12] = Shape.ALL
    units = rng.integers(1, MOST_SLOTS + 1, total)
    units[np.isin(item, [4, 5, 6])] = 6
    units[item >= 12] = 1
    domains = np.ones((2, 8), dtype=bool)
    domains[1, [2, 3]] = False
    domain = rng.integers(0, 2, total)
    domain[item == 12] = 0
    problem = problem_of(
        rng.lognormal(0.0, 1.0, (total, 3)) / units[:, None],
        options_per_item=counts,
        shape=shape,
        units=units,
        device_bytes=rng.integers(1, 10, (total, 1)),
        node_bytes=rng.integers(0, 5, (total, 1)),
        devices=8,
        nodes=2,
        device_capacity=1e9,
        node_capacity=1e9,
        chain_of_stage=[0, 0, 1],
        chain_seconds=[0.0, 1.0],
        domain=domain,
        domains=domains,
        apart=(np.array([13, 14, 15]),),
    )
    start = random_start(problem, seed)
    state = evaluate(problem, start)
    return replace(
        problem,
        device_capacity=np.full((8, 1), state.device_bytes.max()),
        node_capacity=np.full((2, 1), state.node_bytes.max()),
    ), start


def check_what_it_claims(problem: Problem, found: Incumbent) -> None:
    """The incumbent is legal, fits, and costs what it says by two ways to add it up."""
    assert is_legal(problem, found.placement)
    state = evaluate(problem, found.placement)
    assert state.fits
    assert found.objective == pytest.approx(state.objective, rel=1e-9, abs=1e-15)
    by_hand = objective_by_hand(problem, found.placement)
    assert found.objective == pytest.approx(by_hand, rel=1e-9, abs=1e-15)


@given(problems(), SEEDS)
@examples(40)
def test_what_is_found_is_legal_and_costs_what_is_claimed(problem, seed):
    start = random_start(problem, seed)
    assume(start is not None)
    found = search(problem, start, seed)
    if found.placement is not None:
        check_what_it_claims(problem, found)


@given(problems(), SEEDS)
@examples(40)
def test_a_search_never_ends_above_a_start_that_fits(problem, seed):
    start = random_start(problem, seed)
    assume(start is not None)
    state = evaluate(problem, start)
    assume(state.fits)
    found = search(problem, start, seed, incumbent=Incumbent(state.objective, start))
    assert found.objective <= state.objective
    assert found.objective == pytest.approx(evaluate(problem, found.placement).objective)


@pytest.mark.parametrize("seed", range(4))
def test_a_crowded_cluster_is_balanced_within_all_rules(seed):
    """Domains, groups kept apart, memory, wide items and items on nodes all at once."""
    problem, start = crowded(seed)
    found = search(problem, start, seed, replace(MANY_ROUNDS, rounds=300))
    check_what_it_claims(problem, found)
    assert found.objective < evaluate(problem, start).objective
    apart = np.concatenate([found.placement.targets_of(item) for item in problem.apart[0]])
    assert len(set(apart.tolist())) == 3
    closed = problem.domain[found.placement.option] == 1
    for item in np.flatnonzero(closed).tolist():
        option = found.placement.option[item]
        forbidden = {0} if problem.shape[option] == Shape.NODE else {2, 3}
        assert not forbidden & set(found.placement.targets_of(item).tolist())


@pytest.mark.parametrize("seed", range(3))
def test_the_same_seed_finds_the_same_placement(seed):
    problem, start = crowded(seed)
    first, second = search(problem, start, seed).placement, search(problem, start, seed).placement
    assert first.option.tolist() == second.option.tolist()
    assert first.targets.tolist() == second.targets.tolist()


def test_units_that_land_on_nodes_move_between_nodes():
    """Six equal node-wide items, all on the first of three nodes, end two on each."""
    problem = replace(equal_items(6, devices=6), shape=np.full(6, Shape.NODE, dtype=np.int8))
    problem = replace(problem, node_capacity=np.full((3, 1), 1.0))
    start = placed((item, (0,)) for item in range(6))
    found = search(problem, start, 0)
    assert Counter(found.placement.targets.tolist()) == {0: 2, 1: 2, 2: 2}
    assert found.objective == pytest.approx(2.0)


def test_items_of_many_units_keep_their_units_and_spread_them():
    """Two items of 12 units that all begin on one of 8 devices end with 3 units on each."""
    problem = replace(equal_items(2, devices=8), units=np.array([12, 12]))
    start = placed((item, (0,) * 12) for item in range(2))
    found = search(problem, start, 0, RepartitionParams(copies=2, rounds=200))
    assert np.diff(found.placement.unit_offsets).tolist() == [12, 12]
    assert Counter(found.placement.targets.tolist()) == dict.fromkeys(range(8), 3)
    assert found.objective == pytest.approx(3.0)


def equal_items(count: int, devices: int) -> Problem:
    """Items of one option, one unit and one second."""
    return problem_of([1.0] * count, devices=devices)


def thrown(copies: Copies, shape: Shape, rng: np.random.Generator) -> Dice:
    """The dice of one round."""
    problem = copies.problem
    count = problem.device_count if shape is Shape.DEVICE else problem.node_count
    return Dice.thrown(1, copies.count, count, rng)[0]


@pytest.mark.parametrize("seed", range(3))
def test_the_sums_of_all_copies_are_those_of_the_placements_they_stand_for(seed):
    """After 40 rounds without a choice: every change drawn is made with an even chance."""
    problem, start = crowded(seed)
    rng = np.random.default_rng(seed)
    copies = Copies(problem, start, 4)
    moves = ChangeDraws(copies, np.ones(problem.option_count, dtype=bool))
    assert moves.levels() == [Shape.DEVICE, Shape.NODE]
    for number in range(40):
        dice = thrown(copies, moves.levels()[number % 2], rng)
        pairs = Pairs.of(moves.levels()[number % 2], dice)
        changes = moves.draw(pairs, 5, dice)
        moves.make(changes.only(rng.random(len(changes.row)) < 0.5), pairs)
    objectives = copies.objectives()
    for copy in range(4):
        placement = copies.placement(copies.option[copy], copies.slot[copy])
        assert is_legal(problem, placement)
        state = evaluate(problem, placement)
        assert copies.load[copy] == pytest.approx(state.load_seconds)
        assert copies.device_bytes[copy].tolist() == state.device_bytes.tolist()
        assert copies.node_bytes[copy].tolist() == state.node_bytes.tolist()
        assert objectives[copy] == pytest.approx(state.objective)
        assert copies.fits(copy) == state.fits


@pytest.mark.parametrize("most", [0, 1, 4])
def test_pairs_are_disjoint_and_hold_at_most_so_many_changes(most):
    problem, start = crowded(0)
    rng = np.random.default_rng(0)
    copies = Copies(problem, start, 3)
    dice = thrown(copies, Shape.DEVICE, rng)
    pairs = Pairs.of(Shape.DEVICE, dice)
    for of_copy in pairs.places.reshape(3, -1):
        assert sorted(of_copy.tolist()) == list(range(8))
    changes = ChangeDraws(copies, np.ones(problem.option_count, dtype=bool)).draw(pairs, most, dice)
    counts = np.bincount(changes.pair, minlength=len(pairs.places))
    assert counts.max() <= most
    assert set(changes.copy.tolist()) == (set(range(3)) if most else set())


def power_mean(problem: Problem, placement: Placement, exponent: int) -> float:
    """Of the loads of the devices in the only stage."""
    load = evaluate(problem, placement).load_seconds[:, 0]
    return float(np.mean(load**exponent) ** (1 / exponent))


@pytest.mark.parametrize("seed", range(8))
def test_without_heat_the_combination_of_the_least_power_mean_is_chosen(seed):
    """Of all subsets of the changes of one pair, each made and read back on its own."""
    rng = np.random.default_rng(seed)
    load = rng.lognormal(0.0, 0.7, 12)
    problem = problem_of(load, options_per_item=2, units=rng.integers(1, 4, 12))
    start = random_start(problem, seed)
    every = np.ones(12, dtype=bool)
    copies = Copies(problem, start, 1)
    moves = ChangeDraws(copies, every)
    dice = thrown(copies, Shape.DEVICE, rng)
    pairs = Pairs.of(Shape.DEVICE, dice)
    changes = moves.draw(pairs, 6, dice)

    def made(taken: np.ndarray) -> float:
        fresh = Copies(problem, start, 1)
        ChangeDraws(fresh, every).make(changes.only(taken), pairs)
        placement = fresh.placement(fresh.option[0], fresh.slot[0])
        assert is_legal(problem, placement)
        return power_mean(problem, placement, 2**4)

    subsets = product([False, True], repeat=len(changes.row))
    least = min(made(np.array(taken, dtype=bool)) for taken in subsets)
    chosen = PairObjective(copies, 4, 8.0).choose(changes, pairs, 0.0, dice)
    assert made(chosen) == pytest.approx(least, rel=1e-5)
    assert least < power_mean(problem, start, 2**4)
