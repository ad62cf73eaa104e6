"""Whatever solves programs ends when its limits say, and keeps what was proven until then."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from problems import placed, problem_of

from shardplan.solve.bound import filling_units, large_units, option_choice, relaxation
from shardplan.solve.bound.move_limit import MoveLimit
from shardplan.solve.exact import missing_memory
from shardplan.solve.mixing import best_mix
from shardplan.solve.problem.variants import take
from shardplan.solve.program.answer import Answer, Limits, Status, Watch
from shardplan.solve.program.backend import solve_program

SOON = Limits.within(1e6)
NO_ROWS = np.zeros((0, 2), dtype=np.int64)


def a_long_and_a_short_item():
    """On two devices: 1.75 seconds each if all could be split, 3 since the long one is whole."""
    return problem_of([3.0, 0.5])


def hear_limits(monkeypatch, module) -> list[Limits]:
    """The limits of every program that a module has solved from now on."""
    heard = []

    def hear(program, limits=None, **given):
        heard.append(limits)
        return solve_program(program, limits, **given)

    monkeypatch.setattr(module, "solve_program", hear)
    return heard


def test_a_round_that_a_limit_ends_leaves_the_bound_of_the_round_before(monkeypatch):
    answers = iter([None, Answer(Status.UNKNOWN)])
    monkeypatch.setattr(
        relaxation,
        "solve_program",
        lambda program, limits: next(answers) or solve_program(program, limits),
    )
    found = relaxation.relax(a_long_and_a_short_item())
    assert found.lower_bound == pytest.approx(1.75)


def test_without_an_answer_the_bound_is_that_of_averages(monkeypatch):
    """Both of two devices bear half of all there is, besides what no placement changes."""
    monkeypatch.setattr(relaxation, "solve_program", lambda *given: Answer(Status.UNKNOWN))
    problem = problem_of([3.0, 0.5], chain_seconds=[0.25])
    assert relaxation.relax(problem).lower_bound == pytest.approx(3.5 / 2 + 0.25)


def test_all_rounds_of_the_relaxation_end_at_one_moment(monkeypatch):
    heard = hear_limits(monkeypatch, relaxation)
    assert relaxation.relax(a_long_and_a_short_item(), limits=SOON).lower_bound > 2.9
    assert len(heard) > 1
    assert {limits.until for limits in heard} == {SOON.until}


def test_all_programs_about_large_units_end_at_one_moment(monkeypatch):
    heard = hear_limits(monkeypatch, large_units)
    problem = problem_of([[3.0, 1.0], [0.5, 2.0]])
    large_units.large_units(problem, np.ones(2, dtype=bool), NO_ROWS, 6.0, SOON)
    assert [limits.until for limits in heard] == [SOON.until] * 2


def test_all_programs_about_filling_units_end_at_one_moment(monkeypatch):
    heard = hear_limits(monkeypatch, filling_units)
    problem = problem_of([3.0, 0.5], device_bytes=[8.0, 2.0], device_capacity=10.0)
    units = filling_units.FillingUnits.of(problem)
    units.lower_bound(
        NO_ROWS,
        np.ones(2, dtype=bool),
        upper_bound=float("inf"),
        limits=SOON,
        should_stop=lambda: False,
    )
    assert len(heard) > 1
    assert {limits.until for limits in heard} == {SOON.until}


def test_mixing_and_counting_what_is_missing_obey_limits(monkeypatch):
    mixing, missing = (hear_limits(monkeypatch, module) for module in (best_mix, missing_memory))
    problem = problem_of([2.0, 1.0], options_per_item=2, blend=np.array([0, 0]))
    best_mix.best_mix(problem, placed([(0, (0,))]), best_mix.Spare.WORK, limits=SOON)
    missing_memory.missing_in_total(problem, SOON)
    assert [limits.until for limits in mixing] == [SOON.until] * 2
    assert [limits.until for limits in missing] == [SOON.until]


def test_a_mix_stays_as_it_is_where_no_time_is_left_for_a_better_one(monkeypatch):
    monkeypatch.setattr(best_mix, "solve_program", lambda *given: Answer(Status.UNKNOWN))
    problem = problem_of([2.0, 1.0], options_per_item=2, blend=np.array([0, 0]))
    start = replace(placed([(0, (0,))]), weights=np.array([0.75, 0.25]))
    assert best_mix.best_mix(problem, start, limits=Limits.within(0.0)) == start


def test_a_limit_of_moves_holds_of_some_options_what_it_holds_of_all():
    """The quick option would move more than may be moved, also where one of three is left out."""
    problem = problem_of([3.0, 2.0, 1.0], options_per_item=3)
    moves = MoveLimit(5.0, least_bytes=np.array([0.0, 5.0, 9.0]))
    some = np.array([0, 2])
    choice = option_choice.choose_options(
        take(problem, some),
        np.ones(2, dtype=bool),
        NO_ROWS,
        Limits(),
        stop_above=float("inf"),
        watch=Watch(),
        moves=moves.take(some),
    )
    assert choice.option.tolist() == [0]
