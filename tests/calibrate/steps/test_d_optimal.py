"""Designs tell more than random ones, by the determinant of their information."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from shardplan.calibrate.steps.design.d_optimal import d_optimal, log_information
from shardplan.calibrate.steps.design.step_design import StepDesign
from shardplan.workload.optimizers.optimizer import Optimizer


def candidates(seed: int, count: int = 60, equations: int = 3, terms: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).random((count, equations, terms)) ** 4


@pytest.mark.parametrize("seed", range(5))
def test_no_random_choice_tells_as_much(seed):
    rows = candidates(seed)
    mine = log_information(rows, d_optimal(rows, 12))
    random = np.random.default_rng(seed)
    others = [list(random.permutation(len(rows))[:12]) for _ in range(200)]
    assert mine > max(log_information(rows, chosen) for chosen in others)


@pytest.mark.parametrize("seed", range(5))
def test_of_few_candidates_it_is_nearly_the_best_of_all_choices(seed):
    """Exchange stops where no single exchange helps, so not always at the best; within 2%."""
    rows = candidates(seed, count=9, equations=1, terms=3)
    best = max(log_information(rows, list(chosen)) for chosen in combinations(range(9), 4))
    assert log_information(rows, d_optimal(rows, 4)) >= best - np.log(1.02)


def test_nothing_is_chosen_twice_and_the_most_telling_is_first():
    rows = candidates(0)
    chosen = d_optimal(rows, 12)
    assert len(set(chosen)) == 12
    alone = [log_information(rows, [each]) for each in chosen]
    assert alone[0] == max(alone)


def test_coefficients_that_stand_apart_are_each_measured():
    """One candidate alone has the third term: it is in every design of three."""
    rows = np.zeros((10, 1, 3))
    rows[:9, 0, :2] = np.random.default_rng(0).random((9, 2))
    rows[9, 0, 2] = 0.1
    assert 9 in d_optimal(rows, 3)


def test_a_design_is_the_same_every_time_and_another_one_by_another_seed():
    one, again, other = (
        StepDesign.of(ranks=2, candidates=14, count=8, seed=seed, optimizer=Optimizer.SGD)
        for seed in (1, 1, 2)
    )
    assert [p.decisions for p in one.plans] == [p.decisions for p in again.plans]
    assert one.digest == again.digest != other.digest
    assert sum(one.is_held_out) == 2
