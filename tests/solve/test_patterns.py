"""Proofs by whole-device contents, against every placement of small problems tried one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from brute_force import objective_by_hand, solve_by_force
from effort import examples
from hypothesis import assume, given
from hypothesis import strategies as st
from problems import chained, problem_of
from random_problems import problems

from shardplan.solve.bound.pattern_program import Ceiling, bases, patterns
from shardplan.solve.bound.patterns import BalanceProof, prove_balance, undominated
from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.program.answer import Limits, Watch


def in_one_stage(problem: Problem) -> Problem:
    """The problem with all stages added up, and without units that land on nodes or spill."""
    load = problem.load_seconds.sum(axis=1, keepdims=True)
    return replace(
        problem,
        shape=np.where(problem.shape == Shape.NODE, Shape.DEVICE, problem.shape).astype(np.int8),
        load_seconds=load,
        objective=chained([0], problem.objective.chain_seconds[:1]),
        spill_seconds=np.zeros_like(load),
    )


def without_nodes_and_domains(problem: Problem) -> Problem:
    """The problem with endless node memory, and with all devices open to all options."""
    return replace(
        problem,
        node_capacity=np.full_like(problem.node_capacity, np.inf),
        domain=np.zeros_like(problem.domain),
        domains=np.ones_like(problem.domains[:1]),
    )


def prove(problem: Problem, upper_bound: float, gap: float = 0.0) -> BalanceProof | None:
    """Starting from no bound at all."""
    return prove_balance(
        problem,
        np.ones(problem.option_count, dtype=bool),
        lower_bound=0.0,
        upper_bound=upper_bound,
        limits=Limits(relative_gap=gap),
        watch=Watch(),
    )


def three_items() -> Problem:
    """Loads 3, 2, 2 on two devices: 4 at best; the first item can also be everywhere, at 2."""
    return problem_of(
        [3.0, 2.0, 2.0, 2.0],
        options_per_item=[2, 1, 1],
        shape=[Shape.DEVICE, Shape.ALL, Shape.DEVICE, Shape.DEVICE],
    )


@given(problems().map(in_one_stage), st.sampled_from([1.0, 1.1, 2.0]))
@examples(80)
def test_the_bound_is_never_above_the_optimum_and_the_placement_is_what_it_claims(problem, excess):
    best = solve_by_force(problem)
    assume(best is not None and best.objective > 0)
    proof = prove(problem, best.objective * excess)
    assert proof.lower_bound <= best.objective * (1 + 1e-9)
    if proof.placement is not None:
        reached = objective_by_hand(problem, proof.placement)
        assert best.objective * (1 - 1e-9) <= reached < best.objective * excess


@given(problems().map(in_one_stage).map(without_nodes_and_domains))
@examples(80)
def test_where_devices_are_alike_the_optimum_is_found_and_proven(problem):
    best = solve_by_force(problem)
    assume(best is not None and best.objective > 0)
    proof = prove(problem, best.objective * 1.5)
    assert proof.lower_bound == pytest.approx(best.objective, rel=1e-6)
    assert objective_by_hand(problem, proof.placement) == pytest.approx(best.objective, rel=1e-6)


def test_patterns_are_the_contents_that_leave_too_little_idle_to_matter():
    """Below 4, the first item is everywhere or not; either way 1 second of 8 is to spare."""
    problem = three_items()
    ceiling = Ceiling.of(problem, np.ones(4, dtype=bool), 4.0)
    everywhere, placed = bases(ceiling, 10)
    assert (everywhere.everywhere, everywhere.placed) == ((1,), (1, 2))
    assert (placed.everywhere, placed.placed) == ((), (0, 1, 2))
    assert everywhere.spare_seconds == pytest.approx(0.0, abs=1e-8)
    assert placed.spare_seconds == pytest.approx(1.0)
    assert patterns(ceiling, everywhere, 100).counts.tolist() == [[0, 1], [1, 0]]
    assert patterns(ceiling, placed, 100).counts.tolist() == [[0, 1, 1], [1, 0, 0]]


def test_a_load_that_no_device_content_allows_is_answered_at_once():
    ceiling = Ceiling.of(three_items(), np.ones(4, dtype=bool), 1.9)
    assert bases(ceiling, 10) == []


def test_too_many_contents_or_bases_are_refused():
    ceiling = Ceiling.of(three_items(), np.ones(4, dtype=bool), 100.0)
    assert bases(ceiling, 1) is None
    assert patterns(ceiling, bases(ceiling, 2)[1], 7) is None
    assert len(patterns(ceiling, bases(ceiling, 2)[1], 8).counts) == 8


def test_the_questions_end_where_the_gap_is_met():
    """4 is the optimum, and 5 is known: 2.5 and 3.75 are impossible, and 5 is within half of it."""
    assert prove(three_items(), 5.0, gap=0.5) == BalanceProof(3.75, None)


def test_options_that_another_one_can_stand_in_for_are_left_out():
    problem = three_items()
    twice = replace(
        problem,
        option_offsets=np.array([0, 4]),
        shape=np.zeros(4, dtype=np.int8),
        units=np.array([1, 1, 1, 2]),
        load_seconds=np.array([[2.0], [2.0], [3.0], [2.0]]),
    )
    every = np.ones(4, dtype=bool)
    assert undominated(twice, every).tolist() == [True, False, False, True]
    assert undominated(twice, every & [False, True, True, True]).tolist() == [
        False, True, False, True,
    ]  # fmt: skip
    lighter = replace(twice, device_bytes=np.array([[1.0], [0.0], [1.0], [1.0]]))
    assert undominated(lighter, every).tolist() == [False, True, False, True]


@pytest.mark.parametrize("change", ["stages", "nodes", "incumbent"])
def test_the_method_does_not_apply_to(change):
    """Several stages, units that land on nodes, or no incumbent to come close to."""
    problem = three_items()
    upper_bound = float("inf") if change == "incumbent" else 5.0
    if change == "stages":
        problem = replace(
            problem,
            load_seconds=np.ones((4, 2)),
            objective=chained([0, 0], [0.0]),
            spill_seconds=np.zeros((4, 2)),
        )
    if change == "nodes":
        shape = np.array([Shape.NODE, Shape.ALL, Shape.DEVICE, Shape.DEVICE], dtype=np.int8)
        problem = replace(problem, shape=shape)
    assert prove(problem, upper_bound) is None


def test_an_interrupted_proof_keeps_the_bounds_it_was_given():
    proof = prove_balance(
        three_items(),
        np.ones(4, dtype=bool),
        lower_bound=1.0,
        upper_bound=5.0,
        limits=Limits(),
        watch=Watch(should_stop=lambda: True),
    )
    assert proof == BalanceProof(1.0, None)
