"""Problems with hardly any memory to spare, of which it is known that a plan exists."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from brute_force import objective_by_hand, solve_by_force
from problems import problem_of

from shardplan.solve.portfolio.portfolio import solve
from shardplan.solve.problem.placement import evaluate
from shardplan.solve.settings import Settings

if TYPE_CHECKING:
    from shardplan.solve.outcome import Outcome
    from shardplan.solve.problem.problem import Problem

CAPACITY = 1_000_000
FULL = 0.98
ANY_PLAN = Settings(node_limit=50, gap=10.0, time_limit_seconds=1e6)
"""Stops at the first plan that is not far off; the limits do not depend on the clock."""


def of_sizes(
    sizes: np.ndarray, devices: int, rng: np.random.Generator, *, halves: bool = False
) -> Problem:
    """Items of that many bytes each and random loads in three stages.

    With ``halves`` each may also be two units: quicker, but 4% more bytes.
    """
    items, options = len(sizes), 2 if halves else 1
    load = rng.lognormal(0.0, 1.0, (items, 1, 3)) * 1e-3 * np.array([1.0, 0.6])[:options, None]
    bytes_ = sizes[:, None] * np.array([1.0, 0.52])[:options]
    return problem_of(
        load.reshape(-1, 3),
        options_per_item=options,
        units=np.tile([1, 2][:options], items),
        device_bytes=bytes_.reshape(-1),
        devices=devices,
        device_capacity=CAPACITY,
    )


def pieces(rng: np.random.Generator, total: int, count: int) -> np.ndarray:
    """That many whole numbers, at random, that sum to ``total``."""
    cuts = np.sort(rng.choice(np.arange(1, total), count - 1, replace=False))
    return np.diff(np.concatenate([[0], cuts, [total]])).astype(float)


def cut_up(devices: int, per_device: int, seed: int, *, halves: bool = False) -> Problem:
    """Each device's memory, but 2% of it, cut into about that many items."""
    rng = np.random.default_rng((devices, per_device, seed))
    counts = rng.integers(max(2, per_device - 2), per_device + 3, devices).tolist()
    sizes = np.concatenate([pieces(rng, int(CAPACITY * FULL), count) for count in counts])
    return of_sizes(rng.permutation(sizes), devices, rng, halves=halves)


def check_plan(problem: Problem, outcome: Outcome) -> None:
    """There is one, and it is what it is said to be."""
    assert outcome.placement is not None
    assert evaluate(problem, outcome.placement).fits
    assert objective_by_hand(problem, outcome.placement) == pytest.approx(outcome.objective)
    assert outcome.lower_bound <= outcome.objective * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("devices", "per_device"), [(4, 3), (8, 4), (16, 6), (64, 8)])
def test_a_plan_is_found_where_one_is_known_to_exist(devices, per_device, seed):
    problem = cut_up(devices, per_device, seed)
    check_plan(problem, solve(problem, ANY_PLAN))


@pytest.mark.parametrize("seed", range(3))
def test_a_plan_is_found_where_the_quicker_options_do_not_all_fit(seed):
    problem = cut_up(8, 4, seed, halves=True)
    assert problem.device_bytes[1::2].sum() * 2 > problem.device_capacity.sum()
    check_plan(problem, solve(problem, ANY_PLAN))


def tiny(seed: int) -> Problem:
    """Items of 98% of all memory together, on 2 or 3 devices; often no plan exists."""
    rng = np.random.default_rng(seed)
    devices = int(rng.integers(2, 4))
    total, count = int(CAPACITY * FULL) * devices, int(rng.integers(devices + 1, 3 * devices + 1))
    return of_sizes(pieces(rng, total, min(count, 7)), devices, rng)


@pytest.mark.parametrize("method", ["auto", "milp"])
def test_of_tiny_problems_a_plan_is_found_exactly_where_one_exists(method):
    """And it is said that there is none exactly where there is none."""
    existing = 0
    for seed in range(18):
        problem = tiny(seed)
        exists = solve_by_force(problem) is not None
        outcome = solve(problem, Settings(method, gap=10.0, time_limit_seconds=1e6))
        assert (outcome.placement is not None) == exists
        assert outcome.is_infeasible == (not exists)
        if exists:
            check_plan(problem, outcome)
        existing += exists
    assert 3 <= existing <= 15


def test_greed_alone_claims_nothing_of_98_percent_and_rules_out_101():
    """It proves no more than that all bytes together are too many."""
    found = 0
    for seed in range(12):
        problem = tiny(seed)
        outcome = solve(problem, Settings("greedy", time_limit_seconds=1e6))
        assert not outcome.is_infeasible
        if outcome.placement is not None:
            check_plan(problem, outcome)
            found += 1
        too_large = replace(problem, device_bytes=problem.device_bytes * (1.01 / FULL))
        assert solve(too_large, Settings("greedy", time_limit_seconds=1e6)).is_infeasible
    assert found > 0
