"""A problem with some items pinned costs what the whole costs, and places the free ones alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from effort import examples
from hypothesis import assume, given
from hypothesis import strategies as st
from problems import placed, problem_of
from random_problems import problems

from shardplan.solve.portfolio.limited_program import solve_limited_program
from shardplan.solve.portfolio.limited_relocation import solve_near
from shardplan.solve.portfolio.portfolio import solve
from shardplan.solve.portfolio.relocation_limit import RelocationLimit
from shardplan.solve.problem.legality import is_legal
from shardplan.solve.problem.placement import evaluate
from shardplan.solve.problem.subproblem import Subproblem
from shardplan.solve.reporter import Reporter
from shardplan.solve.search.record import Record
from shardplan.solve.search.relocation_params import RelocationParams
from shardplan.solve.settings import Settings

ANY = Settings(method="milp", gap=1e9, time_limit_seconds=1e6)
PROVEN = Settings(gap=1e-6, time_limit_seconds=1e6, effort=0.1)


def free_items(draw, problem):
    mask = draw(st.lists(st.booleans(), min_size=problem.item_count, max_size=problem.item_count))
    return np.array(mask)


@examples(20)
@given(problem=problems(), data=st.data())
def test_pinned_and_free_together_cost_what_the_whole_costs(problem, data):
    known = solve(problem, ANY).placement
    is_free = free_items(data.draw, problem)
    assume(known is not None and is_free.any())
    pinned = Subproblem.of(problem, known, is_free, np.ones(problem.option_count, dtype=bool))
    start = pinned.start()
    whole, part = evaluate(problem, known), evaluate(pinned.problem, start)
    assert part.objective == pytest.approx(whole.objective, rel=1e-12, abs=1e-15)
    np.testing.assert_allclose(part.device_bytes, whole.device_bytes, atol=1e-9)
    np.testing.assert_allclose(part.node_bytes, whole.node_bytes, atol=1e-9)
    assert is_legal(pinned.problem, start)
    merged = pinned.merged(start)
    assert (merged.option == known.option).all()
    assert (merged.targets == known.targets).all()


@examples(20)
@given(problem=problems(), data=st.data())
def test_what_is_found_for_the_free_items_is_legal_in_the_whole(problem, data):
    known = solve(problem, ANY).placement
    is_free = free_items(data.draw, problem)
    assume(known is not None and is_free.any())
    pinned = Subproblem.of(problem, known, is_free, np.ones(problem.option_count, dtype=bool))
    found = solve(pinned.problem, PROVEN).placement
    if found is not None:
        merged = pinned.merged(found)
        assert is_legal(problem, merged)
        for item in np.flatnonzero(~is_free).tolist():
            assert merged.option[item] == known.option[item]
            assert (merged.targets_of(item) == known.targets_of(item)).all()


@examples(20)
@given(problem=problems(), limit=st.sampled_from([0.0, 3.0, 1e9]))
def test_near_a_placement_each_item_that_changes_counts(problem, limit):
    """An item that has another option or other places moves one byte for each of its options."""
    known = solve(problem, ANY).placement
    assume(known is not None)
    sizes = np.diff(problem.option_offsets).astype(np.float64)

    def count(placement):
        changed = np.array(
            [
                placement.option[item] != known.option[item]
                or not np.array_equal(placement.targets_of(item), known.targets_of(item))
                for item in range(problem.item_count)
            ]
        )
        return np.where(changed, sizes, 0.0)

    most = sizes[problem.item_of_option]
    moves = RelocationLimit(
        limit,
        least=np.zeros(problem.option_count),
        most=most,
        count=count,
        of_unit=lambda options: np.zeros((len(options), problem.device_count)),
    )
    is_placed = np.ones(problem.item_count, dtype=bool)
    outcome = solve_near(problem, known, is_placed, moves, PROVEN, also_free=True)
    before = evaluate(problem, known).objective
    assert outcome.placement is not None
    assert count(outcome.placement).sum() <= limit
    assert outcome.lower_bound <= outcome.objective <= before * (1 + 1e-12)
    best = solve(dataclasses.replace(problem), PROVEN)
    assert outcome.lower_bound >= min(best.lower_bound, outcome.objective) * (1 - 1e-9)
    if limit == 1e9:
        assert outcome.objective <= best.objective * (1 + 1e-6) + 1e-15


def test_units_that_move_more_together_than_each_alone_are_kept_apart():
    """Two units on one device would be best, and of each alone nothing would move there."""
    load = np.array([[1.0], [4.0], [2.0]])
    problem = problem_of(load, options_per_item=[1, 2], units=[2, 1, 1])
    known = placed([(0, (0, 1)), (1, (0,))])

    def count(placement):
        together = 2 - len(set(placement.targets_of(0).tolist()))
        return np.array([together, placement.targets_of(1)[0]], dtype=np.float64)

    of_unit = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    most = np.array([1.0, 1.0, 1.0])
    moves = RelocationLimit(0.0, np.zeros(3), most, count, lambda options: of_unit[options])
    record = Record.begun(problem, PROVEN, Reporter())
    record.offer(known, "start")
    found = solve_limited_program(record, moves, RelocationParams(), 10_000)
    assert found == placed([(0, (0, 1)), (2, (0,))])
    once = RelocationParams(program_tries=1)
    assert count(solve_limited_program(record, moves, once, 10_000)).sum() > 0
