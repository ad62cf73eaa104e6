"""Rounds of repartition come to the same bits, whoever makes them."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from problems import placed, problem_of

from shardplan.solve.problem.charges import Charges
from shardplan.solve.problem.problem import Shape
from shardplan.solve.search.compiling import in_time
from shardplan.solve.search.incumbent import Incumbent
from shardplan.solve.search.repartition import array_loops
from shardplan.solve.search.repartition.chance import KEY, NOISE, Dice
from shardplan.solve.search.repartition.repartition import RepartitionParams, repartition
from shardplan.solve.search.repartition.rounds import ArrayRounds, quickest_rounds

MODULE = "shardplan.solve.search.repartition.compiled.player"
ROUNDS = RepartitionParams(copies=2, rounds=50, changes=4)


@pytest.fixture(scope="module")
def compiled():
    pytest.importorskip("numba")
    in_time.code_in_time(MODULE, float("inf"), is_long=True, waits_no_more=lambda: False)
    found = quickest_rounds(9999, float("inf"))
    assert found is not ArrayRounds
    return found


def dice(seed: int) -> Dice:
    return Dice.thrown(1, 2, 6, np.random.default_rng(seed))[0]


def test_every_combination_of_changes_is_weighed():
    """Against the sums and powers of one combination after the other."""
    rng = np.random.default_rng(1)
    base, change, times = (
        rng.lognormal(size=shape).astype(np.float32)
        for shape in ((5, 2, 2, 2), (5, 3, 2, 2), (5, 2, 2, 2))
    )
    change, slope = change - np.float32(1.0), rng.lognormal(size=(5, 2)).astype(np.float32)
    largest, squarings = np.float32(5.0), 2
    found = array_loops.seconds_of_combinations(base, change, times, slope, largest, squarings)
    assert found.shape == (5, 8)
    for number in range(8):
        taken = [k for k in range(3) if number >> k & 1]
        load = base + change[:, taken].sum(axis=1)[:, :, None]
        power = load.clip(0.0, largest) ** 4 * times
        expected = (power.sum(axis=(1, 2)) * slope).sum(axis=1)
        assert found[:, number] == pytest.approx(expected, rel=1e-5)


def test_bits_are_those_of_splitmix64():
    """The first three numbers of the generator with the seed 0, by its authors' code."""
    zero = replace(dice(0), key=np.uint64(0))
    assert [hex(each) for each in zero.bits(0, np.arange(3)).tolist()] == [
        "0xe220a8397b1dcdaf",
        "0x6e789e6aa1b965f4",
        "0x6c45d188009454f",
    ]
    assert not set(dice(0).bits(KEY, np.arange(99))) & set(dice(0).bits(NOISE, np.arange(99)))


def test_noise_draws_with_the_odds_of_a_heat_bath():
    """Of scores 0, 1 and 2 the least with noise is each with odds of 1, 1/e and 1/e**2."""
    noisy = dice(3).noise(np.arange(20_000), 4)[:, :3] + np.arange(3)
    drawn = np.bincount(noisy.argmin(axis=1)) / 20_000
    odds = np.exp(-np.arange(3.0))
    assert drawn == pytest.approx(odds / odds.sum(), abs=0.02)


def crowded(rng: np.random.Generator, *, devices: int, nodes: int, spill: float, charged: bool):
    """20 items of two options on devices or one on nodes, in scarce memory of devices and nodes."""
    shape = [Shape.DEVICE, Shape.DEVICE, Shape.NODE] * 20
    domains = np.ones((2, devices), dtype=bool)
    domains[1, 0] = False
    problem = problem_of(
        rng.lognormal(size=(60, 3)),
        options_per_item=3,
        shape=shape,
        units=[1, 2, 1] * 20,
        device_bytes=rng.random(60),
        node_bytes=rng.random(60),
        device_capacity=20.0 / devices,
        node_capacity=20.0 / nodes,
        devices=devices,
        nodes=nodes,
        chain_of_stage=[0, 0, 1],
        chain_seconds=[0.0, 3.0],
        domain=[0, 1, 0] * 20,
        domains=domains,
        spill_seconds=np.tile([[spill], [spill], [0.0]], (20, 1)),
    )
    if not charged:
        return problem
    groups = Charges(np.eye(60, 2, dtype=bool) | (rng.random((60, 2)) < 0.05), rng.random((2, 3)))
    return replace(problem, objective=replace(problem.objective, charges=groups))


@pytest.mark.parametrize(
    ("spill", "charged", "changes"), [*product((0.0, 0.1), (False, True), (4,)), (0.0, False, 0)]
)
def test_a_search_finds_the_same_with_either(compiled, spill, charged, changes):
    """Devices and nodes, domains, scarce memory, shared time and charges: all that there is."""
    fitting = 0
    for seed, (devices, nodes) in enumerate(((8, 2), (9, 3), (4, 4), (16, 1))):
        rng = np.random.default_rng(seed)
        problem = crowded(rng, devices=devices, nodes=nodes, spill=spill, charged=charged)
        start = placed([(3 * i + (i % 3 == 0) * 2, [(i % 2 + 1) % nodes]) for i in range(20)])
        found = []
        for served in (ArrayRounds, compiled):
            incumbent = Incumbent()
            repartition(
                problem,
                start,
                np.ones(60, dtype=bool),
                replace(ROUNDS, changes=changes),
                np.random.default_rng(9),
                scale_seconds=problem.time_unit,
                incumbent=incumbent,
                rounds=served,
            )
            found.append(incumbent)
        assert found[0].objective == found[1].objective
        assert found[0].placement == found[1].placement
        fitting += found[0].placement is not None
    assert fitting >= 2 or not changes


def test_searches_compared_are_not_idle(compiled):
    """They find placements, and better ones than they begin with."""
    kinds = Counter()
    for seed in range(4):
        rng = np.random.default_rng(seed)
        problem = crowded(rng, devices=8, nodes=2, spill=0.0, charged=False)
        start = placed([(3 * i, [1 + i % 7]) for i in range(20)])
        incumbent = Incumbent()
        repartition(
            problem,
            start,
            np.ones(60, dtype=bool),
            replace(ROUNDS, rounds=200),
            np.random.default_rng(9),
            scale_seconds=problem.time_unit,
            incumbent=incumbent,
            rounds=compiled,
        )
        assert incumbent.placement is not None
        kinds.update(problem.units[incumbent.placement.option].tolist())
    assert min(kinds[1], kinds[2]) > 5


def test_arrays_serve_where_compiling_would_take_what_time_there_is(monkeypatch):
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    assert quickest_rounds(9999, 0.5) is ArrayRounds


def test_arrays_serve_where_numba_is_not_installed(monkeypatch):
    monkeypatch.setattr(in_time, "find_spec", lambda name: None)
    in_time.forget()
    try:
        assert quickest_rounds(9999, float("inf")) is ArrayRounds
    finally:
        in_time.forget()
