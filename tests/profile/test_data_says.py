"""Order of ids, order of batches, samples, tables to merge: what data says and does not."""

from __future__ import annotations

import numpy as np
import pytest

from shardplan.profile.fit.file_order import file_order
from shardplan.profile.fit.merging import JointRows, merge_candidates, pairs_to_count
from shardplan.profile.fit.row_order_of import OrderSums, row_order_of
from shardplan.profile.fit.sample_says import sample_says
from shardplan.profile.frequencies import Frequencies
from shardplan.workload.row_order import RowOrder


def skewed(rows: int, accesses: int, seed: int = 0) -> np.ndarray:
    """(accesses,): ids of Zipf's law, the hottest first."""
    shares = np.arange(1, rows + 1) ** -1.05
    return np.random.default_rng(seed).choice(rows, accesses, p=shares / shares.sum())


def sums(ids: np.ndarray) -> OrderSums:
    return OrderSums.of(*np.unique(ids, return_counts=True))


@pytest.mark.parametrize("rows", [64, 300, 5_000, 100_000])
def test_ids_by_frequency_are_told_from_hashed_ones(rows: int):
    ids = skewed(rows, 60 * rows if rows < 9_000 else 500_000)
    hashed = np.random.default_rng(1).permutation(rows)
    assert row_order_of(sums(ids)) is RowOrder.BY_FREQUENCY
    assert row_order_of(sums(hashed[ids])) is RowOrder.HASHED


def test_one_hot_row_in_front_is_no_order():
    hashed = np.random.default_rng(1).permutation(5_000)[skewed(5_000, 100_000)]
    assert row_order_of(sums(np.append(hashed, np.zeros(12_000, np.int64)))) is RowOrder.HASHED


def test_an_order_that_is_neither_or_of_few_ids_is_unknown():
    falling = sums(np.repeat(np.arange(200), np.arange(1, 201)))  # the last id is the hottest
    assert row_order_of(falling) is None
    assert row_order_of(sums(skewed(40, 10_000))) is None
    assert row_order_of(sums(np.arange(100))) is None  # all read alike


def batches(ids: np.ndarray, size: int, count: int) -> tuple[list[int], list[int]]:
    parts = [ids[at * size : (at + 1) * size] for at in range(count)]
    return [len(part) for part in parts], [len(np.unique(part)) for part in parts]


def test_shuffled_batches_touch_as_many_rows_as_random_order_says():
    ids = skewed(20_000, 200_000)
    found = file_order(Frequencies.of_counts(np.bincount(ids)), *batches(ids, 4_096, 16))
    assert abs(found.excess) < 0.01
    assert not found.is_other


def test_visits_that_follow_one_another_are_warned_of():
    ids = np.repeat(skewed(20_000, 40_000), 5)  # each reads its id five times in a row
    found = file_order(Frequencies.of_counts(np.bincount(ids)), *batches(ids, 4_096, 16))
    assert found.excess > 1.0
    assert found.is_other


def test_a_part_of_a_row_is_no_other_order():
    """Of three ids, batches of two samples touch both by chance sixteen times in a row."""
    found = file_order(Frequencies.of_counts([20, 20, 20]), [2] * 16, [2] * 16)
    assert found.excess < -0.05
    assert found.observed_error == 0
    assert not found.is_other


def test_batches_that_read_nothing_say_nothing():
    assert file_order(Frequencies.of_counts([1, 2]), [0, 0], [0, 0]) is None
    with pytest.raises(ValueError, match="each batch"):
        file_order(Frequencies.of_counts([1, 2]), [1], [])


@pytest.mark.parametrize(
    ("batches_read", "times", "caches"),
    [(15.9, False, False), (16, True, False), (100, True, True)],
)
def test_a_sample_tells_what_it_is_large_enough_for(batches_read, times, caches):
    data = Frequencies.of_counts(np.bincount(skewed(5_000, 40_000)))
    found = sample_says(data, data.accesses / batches_read, sample_share=0.01)
    assert (found.tells_times, found.tells_caches, found.tells_rows) == (times, caches, False)
    whole = sample_says(data, data.accesses / batches_read)
    assert (whole.tells_times, whole.tells_caches, whole.tells_rows) == (times, caches, True)


def test_error_bars_hold_what_other_samples_show():
    """Of sixty samples of one population, the bar of each covers the truth in nearly all."""
    shares = np.arange(1, 3_001) ** -1.0
    shares /= shares.sum()
    truth = float(-np.expm1(1_000 * np.log1p(-shares)).sum())
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(60):
        found = sample_says(Frequencies.of_counts(rng.poisson(shares * 5_000)), 1_000.0, 0.1)
        held += abs(found.distinct_rows - truth) <= found.distinct_rows * found.distinct_rows_error
    assert held >= 56


def test_less_than_a_batch_tells_no_distinct_rows():
    found = sample_says(Frequencies.of_counts([2, 2]), 50.0, 0.5)
    assert (found.distinct_rows, found.distinct_rows_error) == (None, None)
    with pytest.raises(ValueError, match="a share must be"):
        sample_says(Frequencies.of_counts([2, 2]), 2.0, 0.0)


def test_only_tables_with_few_rows_together_are_counted_in_pairs():
    assert pairs_to_count({"a": 1_000, "b": 1_000, "c": 2_000}) == [("a", "b")]


def test_tables_are_merged_where_one_nearly_says_the_other():
    country_of_city = JointRows(("city", "country"), (900, 40), 930)
    independent = JointRows(("hour", "weekday"), (24, 7), 168)
    constant = JointRows(("city", "planet"), (900, 1), 900)
    assert merge_candidates([independent, constant, country_of_city]) == [country_of_city]
    assert independent.filled == 1.0
