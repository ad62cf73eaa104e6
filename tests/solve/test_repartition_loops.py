"""The inner loops of repartition come to the same bits, whoever runs them."""

from __future__ import annotations

import sys
from itertools import product

import numpy as np
import pytest
from problems import placed, problem_of

from shardplan.solve.problem.problem import Shape
from shardplan.solve.search.incumbent import Incumbent
from shardplan.solve.search.repartition import array_loops, loops
from shardplan.solve.search.repartition.array_loops import NOWHERE
from shardplan.solve.search.repartition.loops import IN_ARRAYS, quickest_loops
from shardplan.solve.search.repartition.repartition import RepartitionParams, repartition

MODULE = "shardplan.solve.search.repartition.compiled_loops"


@pytest.fixture(scope="module")
def compiled():
    pytest.importorskip("numba")
    found = quickest_loops(float("inf"))
    assert found is not IN_ARRAYS
    return found


def drawn_pairs(rng, *, changes, width, stages, pairs=5):
    """Loads of pairs of places, what changes add to them, how often each counts, and slopes."""
    shapes = ((pairs, 2, width, stages), (pairs, changes, 2, stages), (pairs, 2, width, stages))
    base, change, times = (rng.lognormal(size=shape).astype(np.float32) for shape in shapes)
    slope = rng.lognormal(size=(pairs, stages)).astype(np.float32)
    return base, change - np.float32(1.0), times, slope


def test_every_combination_of_changes_is_weighed():
    """Against the sums and powers of one combination after the other."""
    base, change, times, slope = drawn_pairs(np.random.default_rng(1), changes=3, width=2, stages=2)
    largest, squarings = np.float32(5.0), 2
    found = array_loops.seconds_of_combinations(base, change, times, slope, largest, squarings)
    assert found.shape == (5, 8)
    for number in range(8):
        taken = [k for k in range(3) if number >> k & 1]
        load = base + change[:, taken].sum(axis=1)[:, :, None]
        power = load.clip(0.0, largest) ** 4 * times
        expected = (power.sum(axis=(1, 2)) * slope).sum(axis=1)
        assert found[:, number] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "width", "stages", "has_times"),
    [*product((0, 1, 6), (1, 8), (1, 5), (False,)), (8, 1, 7, True), (3, 4, 1, True)],
)
def test_compiled_loops_weigh_combinations_to_the_same_bits(
    compiled, changes, width, stages, has_times
):
    rng = np.random.default_rng(changes + 10 * width + 100 * stages)
    base, change, times, slope = drawn_pairs(rng, changes=changes, width=width, stages=stages)
    times = times if has_times else np.zeros((0, 0, 0, 0), dtype=np.float32)
    given = (base, change, times, slope, np.float32(2.0), 6)
    expected = array_loops.seconds_of_combinations(*given)
    assert np.array_equal(compiled.seconds_of_combinations(*given), expected)


@pytest.mark.parametrize("width", [1, 4])
def test_units_are_added_to_the_same_bits(compiled, width):
    rng = np.random.default_rng(3)
    sums, per_unit = rng.lognormal(size=(3, 8, 5)), rng.lognormal(size=(20, 5))
    copy, place = rng.integers(3, size=60), rng.integers(8 // width, size=60)
    count, option = rng.integers(-2, 3, size=60), rng.integers(20, size=60)
    by_hand, in_arrays, in_loops = sums.copy(), sums.copy(), sums.copy()
    for each in range(60):
        devices = slice(place[each] * width, (place[each] + 1) * width)
        by_hand[copy[each], devices] += count[each] * per_unit[option[each]]
    array_loops.add_units(in_arrays, copy, place, width, count, option, per_unit)
    compiled.add_units(in_loops, copy, place, width, count, option, per_unit)
    assert np.array_equal(in_arrays, by_hand)
    assert np.array_equal(in_loops, by_hand)


@pytest.mark.parametrize("seed", range(4))
def test_changes_are_drawn_and_made_alike(compiled, seed):
    """Of up to four units a row on nine places, of which one is in no pair."""
    rng = np.random.default_rng(seed)
    copies, rows, places = 3, 40, 9
    slot = np.where(
        np.arange(4) < rng.integers(0, 5, size=(copies, rows, 1)),
        rng.integers(places, size=(copies, rows, 4)),
        NOWHERE,
    )
    position = np.stack([rng.permutation(places) for _ in range(copies)])
    pair = np.where(position < 8, 4 * np.arange(copies)[:, None] + position // 2, NOWHERE)
    is_active, coin = rng.random((copies, rows)) < 0.9, rng.random((copies, rows))
    alternatives = rng.integers(3, size=rows)
    made = []
    for served in (IN_ARRAYS, compiled):
        dice, own = np.random.default_rng(seed), slot.copy()
        *drawn, of_pair = served.candidates(own, is_active, pair, alternatives, coin)
        keys = dice.integers(5, size=len(of_pair)) / 5  # many are equal
        kept, rank = served.first_of_pairs(of_pair, keys, 4 * copies, 3)
        copy, row, at = (each[kept] for each in drawn)
        first, units = dice.integers(2, size=len(kept)), dice.integers(1, 5, size=len(kept))
        before, after = served.sides_of_changes(own, position % 2, copy, row, at, first, units)
        there = dice.integers(places, size=(len(kept), 2))
        served.put_into_slots(own, there, copy, row, at, after, first, units)
        old, new = dice.integers(6, size=(2, len(kept)))
        added, per_unit = np.zeros((4 * copies, 3, 2, 5)), dice.lognormal(size=(6, 5))
        served.put_changes(added, of_pair[kept], rank, old, new, before, after, per_unit)
        made.append((*drawn, of_pair, kept, rank, before, after, own, added))
    assert len(made[0][4]) > 20
    for one, other in zip(*made, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("spill", [0.0, 0.1])
def test_a_search_finds_the_same_with_either(compiled, spill):
    rng = np.random.default_rng(4)
    problem = problem_of(
        rng.lognormal(size=(60, 3)),
        options_per_item=3,
        shape=[Shape.DEVICE, Shape.DEVICE, Shape.NODE] * 20,
        units=[1, 2, 1] * 20,
        device_bytes=rng.random(60),
        device_capacity=4.0,
        devices=8,
        nodes=2,
        spill_seconds=np.tile([[spill], [spill], [0.0]], (20, 1)),
    )
    start = placed([(3 * item + (item % 3 == 0) * 2, [item % 2]) for item in range(20)])
    found = []
    for served in (IN_ARRAYS, compiled):
        incumbent = Incumbent()
        repartition(
            problem,
            start,
            np.ones(60, dtype=bool),
            RepartitionParams(copies=2, rounds=60, changes=4),
            np.random.default_rng(9),
            scale_seconds=problem.time_unit,
            incumbent=incumbent,
            loops=served,
        )
        found.append(incumbent)
    assert found[0].placement is not None
    assert found[0].objective == found[1].objective
    assert found[0].placement == found[1].placement


def test_arrays_serve_where_compiling_would_take_what_time_there_is(monkeypatch):
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    assert quickest_loops(1.0) is IN_ARRAYS


def test_arrays_serve_where_numba_is_not_installed(monkeypatch):
    monkeypatch.setattr(loops, "find_spec", lambda name: None)
    loops.compiled_loops.cache_clear()
    try:
        assert quickest_loops(float("inf")) is IN_ARRAYS
    finally:
        loops.compiled_loops.cache_clear()
