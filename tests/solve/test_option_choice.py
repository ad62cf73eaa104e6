"""The program that chooses options but no devices, against every choice tried one by one."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from random_problems import problems

from shardplan.solve.bound.option_choice import OptionChoice, choose_options
from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.program.answer import Limits, Watch

INFINITY = float("inf")
NO_ROWS = np.zeros((0, 2), dtype=np.int64)
BALANCES = st.lists(st.sampled_from([0.5, 0.7, 0.95, 1.0]), min_size=4, max_size=4)


def choose(
    problem: Problem,
    balance: np.ndarray | None = None,
    unit_rows: np.ndarray = NO_ROWS,
    allowed: np.ndarray | None = None,
    stop_above: float = INFINITY,
) -> OptionChoice:
    """To optimality, among all options by default."""
    every = np.ones(problem.option_count, dtype=bool)
    return choose_options(
        problem,
        every if allowed is None else allowed,
        unit_rows,
        Limits(),
        stop_above=stop_above,
        watch=Watch(),
        balance=balance,
    )


def cost_by_hand(problem: Problem, options: tuple[int, ...], balance: np.ndarray) -> float:
    """Seconds if loads balanced so well; infinite where memory as a whole does not suffice, or
    that of one device for what all hold and the most that one holds of an item."""
    base, total, fullest = np.zeros((3, problem.stage_count))
    device_bytes, node_bytes = (np.zeros(problem.device_capacity.shape[1]),
                                np.zeros(problem.node_capacity.shape[1]))  # fmt: skip
    held, most = np.zeros((2, problem.device_capacity.shape[1]))
    each = problem.device_count // problem.node_count
    for option in options:
        load, units = problem.load_seconds[option], int(problem.units[option])
        if problem.shape[option] == Shape.ALL:
            base = base + load
            held = held + problem.device_bytes[option]
            device_bytes += problem.device_bytes[option] * problem.device_count
            node_bytes += problem.node_bytes[option] * problem.node_count
            continue
        on_node = problem.shape[option] == Shape.NODE
        places, width = (problem.node_count, each) if on_node else (problem.device_count, 1)
        total = total + load * units * width
        slowest = load * -(-units // places)
        most = np.maximum(most, problem.device_bytes[option] * -(-units // places))
        if not on_node:
            spill = problem.spill_seconds[option]
            total = total + spill * units * (each - 1)
            neighbours = -(-units // problem.node_count) - -(-units // places)
            slowest = slowest + spill * neighbours
        fullest = np.maximum(fullest, slowest)
        device_bytes += problem.device_bytes[option] * units * width
        node_bytes += problem.node_bytes[option] * units
    if (device_bytes > problem.device_capacity.sum(axis=0)).any():
        return INFINITY
    if most.any() and (held + most > problem.device_capacity.max(axis=0)).any():
        return INFINITY
    if (node_bytes > problem.node_capacity.sum(axis=0)).any():
        return INFINITY
    stage = base + np.maximum(total / problem.device_count / balance, fullest)
    chains = problem.objective.chain_seconds.tolist()
    for number, chain in np.argwhere(problem.objective.in_chain).tolist():
        chains[chain] += stage[number]
    return float(max(chains))


def least_cost_by_hand(problem: Problem, balance: np.ndarray) -> float:
    """Of all choices of one option per item."""
    choices = product(*(problem.options_of(item) for item in range(problem.item_count)))
    return min(cost_by_hand(problem, options, balance) for options in choices)


@given(problems(), BALANCES)
@examples(100)
def test_the_choice_is_the_best_of_all_choices(problem, balances):
    """At any balance: the bound is its cost, and no choice costs less."""
    balance = np.array(balances[: problem.stage_count])
    choice, least = choose(problem, balance), least_cost_by_hand(problem, balance)
    if least == INFINITY:
        assert choice.option is None
        assert choice.lower_bound == INFINITY
        return
    assert problem.item_of_option[choice.option].tolist() == list(range(problem.item_count))
    cost = cost_by_hand(problem, tuple(choice.option.tolist()), balance)
    assert cost == pytest.approx(least, rel=1e-5, abs=1e-12)
    assert choice.lower_bound == pytest.approx(least, rel=1e-5, abs=1e-12)
    assert choice.lower_bound <= least * (1 + 1e-12)


@given(problems())
@examples(50)
def test_unit_rows_added_when_broken_do_as_well_as_all_of_them_at_once(problem):
    everything = np.indices((problem.item_count, problem.stage_count)).reshape(2, -1).T
    one_by_one, at_once = choose(problem), choose(problem, unit_rows=everything)
    assert one_by_one.lower_bound == pytest.approx(at_once.lower_bound, rel=1e-5, abs=1e-12)
    assert (one_by_one.option is None) == (at_once.option is None)


@given(problems(), BALANCES, BALANCES)
@examples(50)
def test_less_balance_never_lowers_the_optimum(problem, some, others):
    more = np.maximum(some, others)[: problem.stage_count]
    less = np.minimum(some, others)[: problem.stage_count]
    best, worse = choose(problem, more).lower_bound, choose(problem, less).lower_bound
    assert worse >= best * (1 - 1e-6)


@given(problems())
@examples(30)
def test_no_balance_is_a_balance_of_one(problem):
    even = choose(problem, np.ones(problem.stage_count)).lower_bound
    assert choose(problem).lower_bound == pytest.approx(even, rel=1e-9)


@given(problems())
@examples(30)
def test_only_allowed_options_are_chosen(problem):
    allowed = np.zeros(problem.option_count, dtype=bool)
    allowed[problem.option_offsets[1:] - 1] = True
    choice = choose(problem, allowed=allowed)
    if choice.option is not None:
        assert choice.option.tolist() == (problem.option_offsets[1:] - 1).tolist()


@given(problems())
@examples(30)
def test_a_bound_ends_at_what_is_known_to_be_reachable(problem):
    bound = choose(problem).lower_bound
    known = min(bound, 1.0) / 2
    assert choose(problem, stop_above=known).lower_bound == known
