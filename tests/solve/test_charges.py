"""Charges that are paid once for a group of options, against every placement tried one by one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from brute_force import objective_by_hand, solve_by_force
from effort import examples
from hypothesis import assume, given
from hypothesis import strategies as st
from problems import placed, problem_of
from random_problems import charged_problems

from shardplan.solve.bound.option_choice import choose_options
from shardplan.solve.bound.relaxation import relax
from shardplan.solve.bound.whole_groups import relax_whole_groups
from shardplan.solve.exact.assignment import assignment
from shardplan.solve.portfolio.portfolio import solve
from shardplan.solve.problem.charges import Charges
from shardplan.solve.problem.placement import Placement, evaluate
from shardplan.solve.problem.subproblem import Subproblem
from shardplan.solve.program.answer import Limits, Watch
from shardplan.solve.search.annealing.population import Population
from shardplan.solve.search.groups.close_groups import CloseGroups
from shardplan.solve.search.move import Move
from shardplan.solve.search.moves import MOVES
from shardplan.solve.search.proofs.integer_program import FullProgram, SmallProgram
from shardplan.solve.search.repartition.copies import Copies
from shardplan.solve.search.search_params import SearchParams
from shardplan.solve.settings import Settings


@given(charged_problems())
@examples(120)
def test_the_program_with_charges_finds_what_brute_force_finds(problem):
    best = solve_by_force(problem)
    outcome = solve(problem, Settings("milp", gap=0.0, time_limit_seconds=1e6))
    if best is None:
        assert outcome.is_infeasible
        return
    assert outcome.objective == pytest.approx(best.objective, rel=1e-6)
    assert outcome.lower_bound == pytest.approx(best.objective, rel=1e-6)
    assert outcome.lower_bound <= best.objective * (1 + 1e-12)
    assert objective_by_hand(problem, outcome.placement) == pytest.approx(outcome.objective)


@given(charged_problems())
@examples(20)
def test_the_search_with_charges_claims_nothing_that_brute_force_denies(problem):
    """It may miss the optimum; it says what its placement costs, and no bound is above the best."""
    best = solve_by_force(problem)
    outcome = solve(problem, Settings("search", gap=0.0, time_limit_seconds=1e6, effort=0.01))
    assume(best is not None and outcome.placement is not None)
    assert outcome.lower_bound <= best.objective * (1 + 1e-12)
    assert objective_by_hand(problem, outcome.placement) == pytest.approx(outcome.objective)
    assert outcome.objective >= best.objective * (1 - 1e-9)


@given(charged_problems())
@examples(150)
def test_no_bound_with_charges_is_above_the_optimum(problem):
    best = solve_by_force(problem)
    assume(best is not None)
    relaxation = relax(problem)
    whole = relax_whole_groups(problem)
    choice = choose_options(
        problem,
        np.ones(problem.option_count, dtype=bool),
        relaxation.unit_rows,
        Limits(),
        stop_above=float("inf"),
        watch=Watch(),
    )
    bounds = (relaxation.lower_bound, whole.relaxation.lower_bound, choice.lower_bound)
    assert all(bound <= best.objective * (1 + 1e-12) for bound in bounds)
    assert whole.relaxation.lower_bound >= relaxation.lower_bound * (1 - 1e-9)


@given(charged_problems())
@examples(75)
def test_the_best_placement_is_in_a_branch_that_rules_none_of_its_options_out(problem):
    best = solve_by_force(problem)
    assume(best is not None)
    option = placed(best.ways).option
    found = relax_whole_groups(problem)
    within = [branch for branch in found.branches if branch.allowed(problem)[option].all()]
    assert any(branch.lower_bound <= best.objective * (1 + 1e-9) for branch in within)
    dearest = found.relaxation.lower_bound + found.relaxation.reduced_cost[option].max()
    assert dearest <= best.objective * (1 + 1e-6)


@given(charged_problems().filter(lambda problem: problem.stage_count == 1))
@examples(25)
def test_patterns_asked_for_branch_by_branch_are_never_above_the_optimum(problem):
    """Nor does the search find less than there is."""
    best = solve_by_force(problem)
    assume(best is not None)
    moves = tuple(move for move in MOVES if not isinstance(move, SmallProgram | FullProgram))
    settings = Settings(gap=0.0, time_limit_seconds=1e6, effort=0.02, search=SearchParams(moves))
    outcome = solve(problem, settings)
    assert outcome.lower_bound <= best.objective * (1 + 1e-12)
    assert outcome.objective >= best.objective * (1 - 1e-9)


@given(charged_problems(), st.randoms(use_true_random=False))
@examples(60)
def test_free_items_beside_pinned_ones_do_not_pay_again_for_what_these_use(problem, random):
    """The smaller problem costs what the whole costs with the same choice."""
    best = solve_by_force(problem)
    assume(best is not None and not problem.has_spill)
    is_free = np.array([random.random() < 0.5 for _ in range(problem.item_count)])
    part = Subproblem.of(
        problem, placed(best.ways), is_free, np.ones(problem.option_count, dtype=bool)
    )
    assert evaluate(part.problem, part.start()).objective == pytest.approx(best.objective)


@given(charged_problems())
@examples(60)
def test_placements_side_by_side_are_charged_as_each_alone(problem):
    best = solve_by_force(problem)
    assume(best is not None)
    placement = placed(best.ways)
    population = Population(problem, 2)
    population.copy_in(0, placement)
    population.copy_in(1, placement)
    everything = np.full(2, 0)
    population.insert(everything, *population.remove(everything))
    assert population.objectives() == pytest.approx([best.objective] * 2)
    assert Copies(problem, placement, 2).objectives() == pytest.approx([best.objective] * 2)


@given(charged_problems())
@examples(60)
def test_a_placement_with_charges_is_a_point_of_the_program(problem):
    best = solve_by_force(problem)
    assume(best is not None)
    model = assignment(problem)
    point, program = model.point(placed(best.ways)), model.program
    activity = np.zeros(program.row_count)
    row = np.repeat(np.arange(program.row_count), np.diff(program.row_starts))
    np.add.at(activity, row, program.values * point[program.columns])
    assert (activity >= program.row_lower - 1e-9).all()
    assert (activity <= program.row_upper + 1e-9).all()
    assert program.cost @ point * problem.time_unit == pytest.approx(best.objective)


@given(charged_problems())
@examples(60)
def test_a_charge_of_nothing_changes_nothing(problem):
    charges = replace(problem.objective.charges, seconds=0 * problem.objective.charges.seconds)
    free = replace(problem, objective=replace(problem.objective, charges=charges))
    none = replace(problem, objective=replace(problem.objective, charges=None))
    first, second = solve_by_force(free), solve_by_force(none)
    assume(second is not None)
    assert first.objective == second.objective
    assert relax(free).lower_bound == pytest.approx(relax(none).lower_bound, rel=1e-7, abs=1e-12)


@dataclass(frozen=True)
class FirstOptions(Move):
    """Every item as its first option, device after device."""

    name: ClassVar[str] = "first_options"

    def improve(self, record, turn):
        devices = np.arange(record.problem.item_count) % record.problem.device_count
        record.offer(Placement.of(record.problem.option_offsets[:-1], list(devices[:, None])), "")


def test_a_group_that_no_single_item_leaves_is_closed():
    """Six items of 1 s in a group that costs 3 s, or of 1.2 s: 3 + 3 s, or 3.6 s, on two devices.

    The first item that leaves gains nothing.
    """
    problem = problem_of([1.0, 1.2] * 6, options_per_item=2)
    charges = Charges(np.array([[True], [False]] * 6), np.array([[3.0]]))
    problem = replace(problem, objective=replace(problem.objective, charges=charges))

    def solved(*moves):
        return solve(problem, Settings("search", search=SearchParams(moves), effort=1.0)).objective

    assert solved(FirstOptions()) == pytest.approx(6.0)
    assert solved(FirstOptions(), CloseGroups()) == pytest.approx(3.6)
