"""The objective in all its forms."""

from __future__ import annotations

import numpy as np
import pytest
from problems import chained

from shardplan.solve.problem.charges import Charges
from shardplan.solve.problem.power_mean import PowerMean

TWO_CHAINS = chained([0, 1, 0], [1.0, 2.0])
NO_USES = np.zeros(0, dtype=np.int32)
CHARGED = chained(
    [0, 1, 0],
    [1.0, 2.0],
    Charges(
        np.array([[True, False], [True, True], [False, False]]),
        np.array([[0.5, 0.0, 0.25], [0.0, 4.0, 0.0]]),
    ),
)
"""Options 0 and 1 pay for the first group, option 1 for the second too, option 2 for nothing."""


def test_the_longest_chain_counts_and_in_it_the_slowest_device_of_each_stage():
    load = np.array([[1.0, 5.0, 0.0], [2.0, 0.0, 4.0]])
    assert TWO_CHAINS.chains(np.array([2.0, 5.0, 4.0])).tolist() == [7.0, 7.0]
    assert TWO_CHAINS.seconds(load, NO_USES) == 7.0
    assert TWO_CHAINS.constant_seconds == 2.0


def test_a_stage_of_two_chains_makes_both_longer():
    shared = chained([(0, 1), 0, 1], [1.0, 2.0])
    assert shared.chains(np.array([3.0, 5.0, 4.5])).tolist() == [9.0, 9.5]
    weights = shared.stage_weights(np.array([[3.0, 5.0, 4.0]]))[0]
    assert weights[0] == pytest.approx(weights[1] + weights[2])


def test_many_placements_are_judged_at_once_as_each_alone():
    load = np.random.default_rng(0).random((5, 4, 3))
    alone = [TWO_CHAINS.seconds(each, NO_USES) for each in load]
    assert TWO_CHAINS.seconds(load, np.zeros((5, 0), np.int32)) == pytest.approx(alone)


def test_a_group_is_paid_for_once_however_many_options_of_it_are_chosen():
    load = np.zeros((2, 3))
    paid = [
        CHARGED.stage_seconds(load, CHARGED.uses(np.array(chosen))).tolist()
        for chosen in ([2], [2, 0], [0, 0, 0], [0, 1])
    ]
    assert paid == [[0.0, 0.0, 0.0], [0.5, 0.0, 0.25], [0.5, 0.0, 0.25], [0.5, 4.0, 0.25]]


def test_what_is_paid_already_is_a_constant_of_its_chain():
    paying = CHARGED.paying(np.array([False, True]))
    assert paying.chain_seconds.tolist() == [1.0, 6.0]
    assert paying.charges.seconds.tolist() == [[0.5, 0.0, 0.25]]
    assert CHARGED.paying(np.array([True, True])).charges is None


def test_options_that_are_none_of_before_pay_for_nothing():
    assert CHARGED.renumbered(np.array([1, -1])).charges.of_option.tolist() == [
        [True, True],
        [False, False],
    ]


def test_merged_stages_stay_in_their_chain():
    merged = TWO_CHAINS.merged([[0, 2], [1]])
    assert merged.in_chain.tolist() == [[True, False], [False, True]]
    assert merged.chain_seconds.tolist() == [1.0, 2.0]
    assert CHARGED.merged([[0, 2], [1]]).charges.seconds.tolist() == [[0.75, 0.0], [0.0, 4.0]]


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
