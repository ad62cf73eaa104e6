"""A longer limit does what a shorter one did, and then more: it never gives a worse placement."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from problems import problem_of

from shardplan.solve.budget import Budget
from shardplan.solve.deadline import Deadline
from shardplan.solve.portfolio.portfolio import improve
from shardplan.solve.reporter import Reporter
from shardplan.solve.search.annealing.population import Population
from shardplan.solve.search.moves import MOVES
from shardplan.solve.search.record import Record
from shardplan.solve.search.search_params import SearchParams

if TYPE_CHECKING:
    from shardplan.solve.problem.problem import Problem

EACH = 1e4
"""Seconds that go by with a look at the clock: far more than any program takes."""


class Looks:
    """A clock that goes on when it is looked at, and not otherwise."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> float:
        self.count += 1
        return EACH * self.count


def cached(seed: int, items: int = 7, devices: int = 3) -> Problem:
    """Whole tables, tables far away, and caches of any size between them, in scarce memory."""
    rng = np.random.default_rng(seed)
    load, bytes_, far, blend = [], [], [], []
    for item in range(items):
        size, seconds = rng.uniform(2, 9), rng.lognormal(size=2)
        missed = rng.uniform(0.3, 0.9)
        blend += [5 * item, 5 * item + 1, *[5 * item + 2] * 3]
        for share, misses in ((1.0, 0.0), (0.0, 1.0), (0.1, 1.0), (0.4, missed**2), (0.9, 0.0)):
            load.append(seconds * (1 + 4 * misses))
            bytes_.append(share * size)
            far.append(size * (share < 1))
    return problem_of(
        load,
        options_per_item=5,
        device_bytes=bytes_,
        node_bytes=far,
        devices=devices,
        device_capacity=0.5 * sum(bytes_[::5]) / devices,
        node_capacity=2.0 * sum(bytes_[::5]),
        blend=np.array(blend),
    )


MOVING = ("first_placements", "mixed_start", "around_best")


def searching() -> SearchParams:
    """Short restarts of moves that mix, without those that would close problems so small."""
    search = SearchParams(tuple(move for move in MOVES if move.name in MOVING))
    effort = replace(search.shared.repartition, rounds=300, small_rounds=300, all_rounds=600)
    return replace(search, shared=replace(search.shared, repartition=effort))


def reached(problem: Problem, looks: float, method: str = "auto") -> tuple[float, int]:
    """The objective when the clock has been looked at so often, and how often it was."""
    clock = Looks()
    deadline = Deadline(EACH * looks, clock)
    record = Record(problem, Budget(deadline, gap=0.0), Reporter())
    improve(record, method, searching())
    return record.objective, clock.count


@pytest.mark.parametrize("seed", [0, 2])
def test_whenever_the_clock_strikes_a_later_stroke_gives_no_worse_placement(seed):
    problem = cached(seed)
    _, looks = reached(problem, np.inf)
    found = [reached(problem, share * looks)[0] for share in np.linspace(0.05, 1.0, 8)]
    assert found == sorted(found, reverse=True)
    assert found[-1] < found[0]


def test_greed_has_no_better_placement_than_a_search_that_begins_with_it():
    problem = cached(1)
    greedy, looks = reached(problem, np.inf, "greedy")
    assert reached(problem, looks)[0] <= greedy


@pytest.fixture
def record():
    """Whose clock goes on by its looks, with a placement of a problem of caches."""
    problem = cached(1)
    made = Record(problem, Budget(Deadline(EACH * 1e6, Looks()), gap=0.0), Reporter())
    improve(made, "greedy", searching())
    return made


def test_what_a_move_had_when_it_was_cut_off_is_not_mixed(record):
    """A longer solve has gone past it."""
    known = record.placement
    record.placement, record.objective = known.unmixed, np.inf
    record.budget = replace(record.budget, deadline=Deadline(0.0))
    assert not record.offer_last(known, "cut off")
    record.budget = replace(record.budget, deadline=Deadline(np.inf))
    assert record.offer_last(known, "at its end")


def test_a_fill_that_was_cut_off_is_not_taken_for_a_placement(record):
    record.placement, record.objective = None, np.inf
    empty = Population(record.problem, 1).placement(0)
    assert not record.offer(empty, "cut off")
