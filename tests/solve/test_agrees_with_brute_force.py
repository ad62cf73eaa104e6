"""The solver against every placement of small problems, tried one by one."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from brute_force import objective_by_hand, solve_by_force, ways_of
from effort import examples
from hypothesis import assume, given
from problems import placed, problem_of
from random_problems import problems

from shardplan.solve.bound.option_choice import choose_options
from shardplan.solve.bound.relaxation import relax
from shardplan.solve.exact.assignment import assignment
from shardplan.solve.portfolio.portfolio import solve
from shardplan.solve.problem.placement import evaluate
from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.program.answer import Limits, Watch
from shardplan.solve.program.backend import solve_program
from shardplan.solve.settings import Settings

UNLIMITED = 1e6


def check_agreement(problem: Problem, method: str, effort: float = 1.0) -> None:
    """The method finds and proves the optimum, or proves that there is none."""
    best = solve_by_force(problem)
    outcome = solve(problem, Settings(method, gap=0.0, time_limit_seconds=UNLIMITED, effort=effort))
    if best is None:
        assert outcome.is_infeasible
        return
    assert outcome.placement is not None
    assert objective_by_hand(problem, outcome.placement) == pytest.approx(outcome.objective)
    assert outcome.objective == pytest.approx(best.objective, rel=1e-6)
    assert outcome.lower_bound == pytest.approx(best.objective, rel=1e-6)
    assert outcome.lower_bound <= best.objective * (1 + 1e-12)


@given(problems())
@examples(80)
def test_the_integer_program_finds_the_optimum(problem):
    check_agreement(problem, "milp")


@given(problems())
@examples(25)
def test_the_portfolio_finds_the_optimum(problem):
    """After a search of a tenth of the usual effort: it has to prove what it found all the same."""
    check_agreement(problem, "auto", effort=0.1)


@pytest.mark.slow
@given(problems())
@examples(5)
def test_the_portfolio_finds_the_optimum_with_all_effort(problem):
    check_agreement(problem, "auto")


@given(problems())
@examples(80)
def test_no_bound_is_above_the_optimum(problem):
    """Of the linear relaxation, of the choice among whole options, and of a stopped program."""
    best = solve_by_force(problem)
    optimum = best.objective if best else float("inf")
    every = np.ones(problem.option_count, dtype=bool)
    relaxation = relax(problem)
    assert relaxation.lower_bound <= optimum * (1 + 1e-12)
    choice = choose_options(
        problem,
        every,
        relaxation.unit_rows,
        Limits(),
        stop_above=float("inf"),
        watch=Watch(),
    ).lower_bound
    assert choice <= optimum * (1 + 1e-12)
    stopped = solve_program(assignment(problem).program, Limits(nodes=1))
    assert stopped.bound * problem.time_unit <= optimum * (1 + 1e-7)


@given(problems())
@examples(100)
def test_every_legal_placement_is_a_point_of_the_program(problem):
    """It meets all rows at its own objective, and the point reads back as the placement."""
    best = solve_by_force(problem)
    assume(best is not None)
    placement = placed(best.ways)
    model = assignment(problem)
    point, program = model.point(placement), model.program
    activity = np.zeros(program.row_count)
    row = np.repeat(np.arange(program.row_count), np.diff(program.row_starts))
    np.add.at(activity, row, program.values * point[program.columns])
    assert (activity >= program.row_lower - 1e-9).all()
    assert (activity <= program.row_upper + 1e-9).all()
    assert (point >= program.lower).all()
    assert (point <= program.upper).all()
    assert program.cost @ point * problem.time_unit == pytest.approx(best.objective)
    again = model.placement(point)
    assert again.option.tolist() == placement.option.tolist()
    assert again.targets.tolist() == placement.targets.tolist()


@given(problems())
def test_an_evaluation_is_what_adding_up_by_hand_says(problem):
    ways = [next(ways_of(problem, item), None) for item in range(problem.item_count)]
    assume(None not in ways)
    placement = placed(ways)
    by_hand = objective_by_hand(problem, placement)
    evaluation = evaluate(problem, placement)
    if by_hand is None:
        assert problem.apart or not evaluation.fits
    else:
        assert evaluation.fits
        assert evaluation.objective == pytest.approx(by_hand)


def test_brute_force_itself_on_a_problem_solved_by_hand():
    """Loads 3, 2, 2 on two devices: 4 at best, and 5 where the 2s may not meet.

    The all-device option of the first item costs 2 everywhere: 2 + 2 = 4 in both cases.
    """
    problem = problem_of(
        [3.0, 2.0, 2.0, 2.0],
        options_per_item=[2, 1, 1],
        shape=[Shape.DEVICE, Shape.ALL, Shape.DEVICE, Shape.DEVICE],
    )
    costs = {
        ways: objective_by_hand(problem, placed(ways))
        for ways in product(*(ways_of(problem, item) for item in range(3)))
    }
    assert len(costs) == 3 * 2 * 2
    assert min(costs.values()) == 4.0
    assert costs[(0, (0,)), (2, (1,)), (3, (0,))] == 5.0
    assert solve_by_force(problem).objective == 4.0
    assert solve_by_force(problem, below=4.0) is None
