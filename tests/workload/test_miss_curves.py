"""What caches miss, against simulated caches on streams of ids."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_caches import batch_by_batch, drawn, least_recently_used, zipf_chances

from shardplan.workload.access import Cdf, Reuse, Uniform, Zipf
from shardplan.workload.caching.hot_set import hot_set_curve
from shardplan.workload.caching.lru import lru_curve
from shardplan.workload.reuse import REFERENCE_BATCH
from shardplan.workload.row_distribution import RowDistribution

if TYPE_CHECKING:
    from pathlib import Path

SHARES = np.array([0.01, 0.05, 0.2, 0.5])
"""Of the rows of a table, held by a cache."""
TWO_POINTS = 0.02

ACCESSES = st.one_of(
    st.just(Uniform()),
    st.floats(0.1, 4.0).map(Zipf),
    st.floats(0.05, 1.0).map(lambda share: Cdf(((share / 2, share), (1.0, 1.0)))),
    st.lists(st.floats(0, 1), min_size=17, max_size=17)
    .filter(lambda bins: sum(bins) > 0.01)
    .map(lambda bins: Reuse(tuple(bins))),
)
CURVES = st.sampled_from([lru_curve, hot_set_curve])


@pytest.mark.parametrize("exponent", [0.8, 1.0, 1.2])
def test_hits_per_access_of_a_least_recently_used_cache(exponent):
    """Batches of one access give the classical cache."""
    rows, accesses, begin = 5_000, 200_000, 100_000
    (ids,) = drawn(zipf_chances(exponent, rows), accesses, 1)
    found = lru_curve(Zipf(exponent).distribution(rows, 1.0), 1.0).hit_rate_at(SHARES * rows)
    for share, predicted in zip(SHARES, found, strict=True):
        missed = least_recently_used(ids, round(share * rows), begin)
        assert predicted == pytest.approx(1 - missed / (accesses - begin), abs=TWO_POINTS)


@pytest.mark.parametrize("exponent", [0.8, 1.0, 1.2])
@pytest.mark.parametrize("draws", [200, 2_000])
def test_a_least_recently_used_cache_that_is_filled_batch_by_batch(exponent, draws):
    """The smallest holds fewer rows than a batch of 2,000 accesses touches."""
    rows, begin = 20_000, 200_000 // draws + 100
    found = lru_curve(Zipf(exponent).distribution(rows, 1.0), float(draws))
    batches = list(drawn(zipf_chances(exponent, rows), draws, begin + 50))
    for held in SHARES * rows:
        hit, missed = batch_by_batch(batches, rows, round(held), begin)
        assert found.hit_rate_at(held) == pytest.approx(hit, abs=TWO_POINTS)
        assert found.missed_rows_at(held) == pytest.approx(missed, abs=0.02 * found.missed_rows[0])


@pytest.mark.parametrize("exponent", [0.8, 1.0, 1.2])
def test_a_cache_much_smaller_than_a_batch(exponent):
    """It fills with rows that every batch touches; which of them changes too slowly to be shown."""
    rows, draws, begin = 20_000, 40_000, 50
    found = lru_curve(Zipf(exponent).distribution(rows, 1.0), float(draws))
    batches = list(drawn(zipf_chances(exponent, rows), draws, begin + 20))
    for held in np.array([0.01, 0.03, 0.1]) * rows:
        _, missed = batch_by_batch(batches, rows, round(held), begin)
        assert held < 0.5 * found.missed_rows[0]
        assert found.missed_rows_at(held) == pytest.approx(missed, abs=0.02 * found.missed_rows[0])


@pytest.mark.parametrize("exponent", [0.8, 1.0, 1.2])
def test_a_fixed_set_of_the_hottest_rows(exponent):
    rows, draws = 20_000, 2_000
    found = hot_set_curve(Zipf(exponent).distribution(rows, 1.0), float(draws))
    batches = list(drawn(zipf_chances(exponent, rows), draws, 50))
    for share in SHARES:
        held = share * rows
        hit = np.mean([np.mean(ids < held) for ids in batches])
        missed = np.mean([np.count_nonzero(np.unique(ids) >= held) for ids in batches])
        assert found.hit_rate_at(held) == pytest.approx(hit, abs=TWO_POINTS)
        assert found.missed_rows_at(held) == pytest.approx(missed, abs=0.02 * found.missed_rows[0])


def chances_of(reuse: np.ndarray, rows: int, touched: float) -> np.ndarray:
    """Each row by itself, hottest first: as likely as a batch showed it, the rest evenly.

    Inside a bin, numbers of touches are as frequent as their power -1.5; the rows touched once are
    a sample of all that are left.
    """
    random = np.random.default_rng(0)
    number = np.rint(touched * reuse / reuse.sum()).astype(int)
    hits = [np.full(number[1], 2.0)]
    for exponent in range(2, 17):
        inside = np.arange(2.0 ** (exponent - 1) + 1, 2.0**exponent + 1)
        weights = inside**-1.5
        hits.append(random.choice(inside, number[exponent], p=weights / weights.sum()))
    hot = np.sort(np.concatenate(hits))[::-1]
    cold = rows - len(hot)
    chances = np.concatenate([hot, np.full(cold, number[0] / cold)])
    return chances / chances.sum()


@pytest.mark.parametrize("table", [85, 97, 208])
def test_caches_in_front_of_real_tables(shared_data: Path, table: int):
    """Both caches; ids are drawn for every row by itself, as likely as its bin has it."""
    with (shared_data / "dlrm856_tables.csv").open() as file:
        line = next(line for line in csv.DictReader(file) if line["table_id"] == str(table))
    bins = np.array([float(line[f"bin_{i}"]) for i in range(17)])
    rows, pooling, samples = int(line["row"]), float(line["pooling_factor"]), 1_024
    distribution = Reuse(tuple(bins)).distribution(rows, pooling)
    chances = chances_of(bins, rows, float(line["est_unique_rows_in_batch65536"]))
    draws, begin = round(samples * pooling), 16 * REFERENCE_BATCH // samples
    batches = list(drawn(chances, draws, begin + 20))
    fixed, recent = hot_set_curve(distribution, draws), lru_curve(distribution, draws)
    for held in SHARES * rows:
        shown = np.mean([np.mean(ids < held) for ids in batches[-100:]])
        assert fixed.hit_rate_at(held) == pytest.approx(shown, abs=TWO_POINTS)
        hit, _ = batch_by_batch(batches, rows, round(held), begin)
        assert recent.hit_rate_at(held) == pytest.approx(hit, abs=TWO_POINTS)


def seen_in_one_batch(exponent: float, rows: int) -> tuple[Reuse, float]:
    """What is known of ids by Zipf's law from a batch of the reference size, and its distinct rows.

    There are two ids per sample.
    """
    (ids,) = drawn(zipf_chances(exponent, rows), 2 * REFERENCE_BATCH, 1)
    touches = np.unique(ids, return_counts=True)[1]
    bins = np.bincount(np.ceil(np.log2(touches)).astype(int), minlength=17)
    return Reuse(tuple(bins.astype(float))), len(touches)


@pytest.mark.parametrize("curve", [lru_curve, hot_set_curve])
@pytest.mark.parametrize("exponent", [0.8, 1.0, 1.2])
def test_a_batch_that_touches_a_tenth_of_the_rows_tells_hit_rates_to_nine_points(exponent, curve):
    rows, draws = 80_000, 2.0 * REFERENCE_BATCH
    known, touched = seen_in_one_batch(exponent, rows)
    assert touched > 0.1 * rows
    found = curve(known.distribution(rows, 2.0), draws).hit_rate_at(SHARES * rows)
    true = curve(Zipf(exponent).distribution(rows, 2.0), draws).hit_rate_at(SHARES * rows)
    assert found == pytest.approx(true, abs=0.09)


@pytest.mark.parametrize("curve", [lru_curve, hot_set_curve])
@pytest.mark.parametrize("exponent", [0.8, 1.0, 1.2])
def test_a_batch_that_touches_few_rows_promises_too_few_hits(exponent, curve):
    rows, draws, large = 1_000_000, 2.0 * REFERENCE_BATCH, SHARES[2:]
    known, touched = seen_in_one_batch(exponent, rows)
    assert touched < 0.1 * rows
    found = curve(known.distribution(rows, 2.0), draws).hit_rate_at(large * rows)
    true = curve(Zipf(exponent).distribution(rows, 2.0), draws).hit_rate_at(large * rows)
    assert (found < true).all()


def test_by_hand_of_uniform_rows():
    """A thousand rows: each is held as likely as any other, and a batch touches half of them."""
    draws = float(np.log(0.5) / np.log1p(-1e-3))
    distribution = Uniform().distribution(1_000, 1.0)
    held = np.array([0.0, 1.0, 250.0, 500.0, 900.0, 1_000.0, 1e9])
    for curve in (lru_curve(distribution, draws), hot_set_curve(distribution, draws)):
        missed = curve.missed_rows_at(held)
        assert missed == pytest.approx([500, 499.5, 375, 250, 50, 0, 0], abs=1e-6)
        assert curve.hit_rate_at(held) == pytest.approx(np.minimum(held / 1_000, 1))


def test_by_hand_of_two_kinds_of_rows():
    """A cache with room for exactly the rows of one batch holds the batch before."""
    distribution = RowDistribution(np.array([10.0, 1_000.0]), np.array([0.05, 0.0005]))
    touched = distribution.touched(100.0)
    room = np.dot(distribution.counts, touched)
    found = lru_curve(distribution, 100.0)
    assert found.missed_rows_at(room) == pytest.approx(
        np.dot(distribution.counts, touched * (1 - touched)), rel=1e-4
    )
    assert found.hit_rate_at(room) == pytest.approx(touched.mean(), rel=1e-4)


@given(access=ACCESSES, rows=st.integers(1, 10**10), draws=st.floats(1e-3, 1e9), curve=CURVES)
def test_misses_are_convex_and_fall_from_all_distinct_rows_to_none(access, rows, draws, curve):
    distribution = access.distribution(rows, 5.0)
    found = curve(distribution, draws)
    distinct = distribution.unique_rows(draws)
    assert found.cached_rows[0] == found.hit_rates[0] == 0
    assert found.missed_rows[0] == pytest.approx(distinct, rel=1e-9)
    assert found.missed_rows_at(np.float64(rows)) == pytest.approx(0, abs=1e-9 * distinct)
    assert found.hit_rate_at(np.float64(rows)) == pytest.approx(1)
    held = np.linspace(0, rows, 41)
    missed, hit = found.missed_rows_at(held), found.hit_rate_at(held)
    assert (np.diff(missed) <= 1e-9 * distinct).all()
    assert (np.diff(missed, 2) >= -1e-6 * distinct).all()
    assert (np.diff(hit) >= -1e-9).all()
    assert (np.diff(hit, 2) <= 1e-6).all()
    steps = np.diff(found.cached_rows)
    assert (steps >= -1e-9 * rows).all()


@given(access=ACCESSES, rows=st.integers(1, 10**10), draws=st.floats(1e-3, 1e9))
def test_no_cache_misses_less_than_one_of_the_hottest_rows(access, rows, draws):
    distribution = access.distribution(rows, 5.0)
    recent, fixed = lru_curve(distribution, draws), hot_set_curve(distribution, draws)
    held = np.linspace(0, rows, 41)
    distinct = recent.missed_rows[0]
    spared = recent.missed_rows_at(held) - fixed.missed_rows_at(held)
    assert (spared >= -1e-4 * distinct).all()
    assert (fixed.hit_rate_at(held) - recent.hit_rate_at(held) >= -1e-4).all()


def test_nothing_is_missed_where_nothing_is_read():
    for curve in (lru_curve, hot_set_curve):
        found = curve(Zipf(1.0).distribution(100, 0.0), 0.0)
        assert found.missed_rows_at(np.array([0.0, 50.0, 200.0])).tolist() == [0, 0, 0]
