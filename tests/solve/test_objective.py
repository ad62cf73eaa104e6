"""The objective in all its forms, and one that charges for what is chosen, known here alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
import pytest
from brute_force import ways_of
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import placed, problem_of

from shardplan.solve.bound.relaxation import relax
from shardplan.solve.portfolio.portfolio import solve
from shardplan.solve.problem.objective import Objective
from shardplan.solve.problem.placement import evaluate
from shardplan.solve.problem.power_mean import PowerMean
from shardplan.solve.settings import Settings

TWO_CHAINS = Objective(np.array([0, 1, 0]), np.array([1.0, 2.0]))
NO_OPTION = np.zeros(0, dtype=np.int64)


def test_the_longest_chain_counts_and_in_it_the_slowest_device_of_each_stage():
    load = np.array([[1.0, 5.0, 0.0], [2.0, 0.0, 4.0]])
    assert TWO_CHAINS.chains(np.array([2.0, 5.0, 4.0])).tolist() == [7.0, 7.0]
    assert TWO_CHAINS.seconds(load, NO_OPTION) == 7.0
    assert TWO_CHAINS.constant_seconds == 2.0


def test_many_placements_are_judged_at_once_as_each_alone():
    load = np.random.default_rng(0).random((5, 4, 3))
    alone = [TWO_CHAINS.seconds(each, NO_OPTION) for each in load]
    assert TWO_CHAINS.seconds(load, np.zeros((5, 0), np.int64)) == pytest.approx(alone)


def test_merged_stages_stay_in_their_chain():
    merged = TWO_CHAINS.merged([[0, 2], [1]])
    assert merged.chain_of_stage.tolist() == [0, 1]
    assert merged.chain_seconds.tolist() == [1.0, 2.0]


def test_a_power_mean_is_between_mean_and_maximum_and_tends_to_the_latter():
    load = np.array([[[1.0], [3.0]]])
    means = []
    for log2_exponent in (1, 4, 8):
        mean = PowerMean(log2_exponent, devices=2)
        reference, _, power = mean.powers(load)
        means.append(float(mean.seconds(power.mean(axis=1), reference)[0, 0]))
    assert 2.0 < means[0] < means[1] < means[2] < 3.0
    assert means[0] == pytest.approx(5**0.5)
    assert means[2] == pytest.approx(3.0, rel=1e-2)


@dataclass(frozen=True)
class Charging(Objective):
    """One stage, whose first option of a kind costs some seconds more, and all others nothing."""

    is_charged: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    charge_seconds: float = 0.0

    def stage_seconds(self, load, option):
        charged = self.is_charged[option].any(axis=-1)
        return super().stage_seconds(load, option) + self.charge_seconds * charged[..., None]

    def add_chains(self, build, columns, time_unit):
        chain = build.add_rows("chain", [np.array([0])], lower=self.chain_seconds / time_unit)
        build.add_entries(chain, columns.objective, 1.0)
        build.add_entries(chain, columns.stage, -1.0)
        charged = np.flatnonzero(self.is_charged & (columns.y >= 0))
        paid = build.add_columns("paid", [np.array([0])], upper=1.0)
        build.add_entries(chain, paid, -self.charge_seconds / time_unit)
        rows = build.add_rows("pays", [charged], lower=0.0)
        build.add_entries(rows, paid, 1.0)
        build.add_entries(rows, columns.y[charged], -1.0)

    def renumbered(self, source):
        return replace(self, is_charged=np.where(source >= 0, self.is_charged[source], False))


@st.composite
def charging_problems(draw):
    """Three items on two devices, each quick by one option and slow by another; quick ones pay."""
    quick = draw(st.lists(st.integers(1, 6), min_size=3, max_size=3))
    more = draw(st.lists(st.integers(0, 4), min_size=3, max_size=3))
    load = [float(seconds) for pair in zip(quick, more, strict=True) for seconds in np.cumsum(pair)]
    problem = problem_of(load, options_per_item=2)
    charge = draw(st.sampled_from([0.5, 1.0, 3.0]))
    is_charged = np.tile([True, False], 3)
    return replace(
        problem,
        objective=Charging(problem.objective.chain_of_stage, np.array([0.25]), is_charged, charge),
    )


@given(charging_problems(), st.sampled_from(["milp", "search"]))
@settings(max_examples=20)
def test_a_charge_that_the_objective_alone_knows_is_planned_with(problem, method):
    """Brute force agrees with the integer program, and no bound is above it."""
    every = product(*(list(ways_of(problem, item)) for item in range(problem.item_count)))
    best = min(evaluate(problem, placed(ways)).objective for ways in every)
    assert relax(problem).lower_bound <= best * (1 + 1e-9)
    outcome = solve(problem, Settings(method, gap=1e-6, effort=0.02))
    assert outcome.lower_bound <= best * (1 + 1e-6)
    assert outcome.objective == pytest.approx(evaluate(problem, outcome.placement).objective)
    if method == "milp":
        assert outcome.objective == pytest.approx(best)
