"""Frequencies of frequencies: rarefaction and reuse are those of counting by hand."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardplan.profile.frequencies import Frequencies

COUNTS = st.lists(st.integers(1, 30), min_size=1, max_size=12)


def by_hand(counts: list[int], draws: int) -> float:
    """Expected distinct ids of ``draws`` accesses without replacement, in whole numbers."""
    total = sum(counts)
    missed = [Fraction(comb(total - count, draws), comb(total, draws)) for count in counts]
    return float(len(counts) - sum(missed))


def test_counts_become_how_many_ids_were_read_how_often():
    found = Frequencies.of_counts([3, 0, 1, 1, 7, 3])
    assert (found.reads.tolist(), found.ids.tolist()) == ([1, 3, 7], [2, 2, 1])
    assert (found.accesses, found.rows_touched, found.read_once) == (15, 5, 2)
    assert found.unseen_share == 2 / 15


def test_nothing_read_is_all_unseen():
    found = Frequencies.of_counts([0, 0])
    assert (found.accesses, found.rows_touched, found.unseen_share) == (0, 0, 1.0)


@given(COUNTS, st.floats(0, 1))
def test_rarefaction_is_exact(counts: list[int], part: float):
    draws = int(part * sum(counts))
    found = Frequencies.of_counts(counts).distinct_rows(draws)
    assert found == pytest.approx(by_hand(counts, draws), rel=1e-9, abs=1e-9)


def test_rarefaction_of_ids_read_very_often_is_the_product_of_its_factors():
    """Beyond 2^14 factors their logarithms are integrated."""
    many, accesses, draws = 300_000, 2_000_000, 7.0
    found = Frequencies(np.array([many, accesses - many]), np.array([1, 1]))
    factors = np.log1p(-draws / (accesses - np.arange(many, dtype=np.float64)))
    others = np.log1p(-draws / (accesses - np.arange(accesses - many, dtype=np.float64)))
    expected = 2 - np.exp(factors.sum()) - np.exp(others.sum())
    assert found.distinct_rows(draws) == pytest.approx(expected, rel=1e-12)


def test_no_more_can_be_drawn_than_there_is():
    with pytest.raises(ValueError, match="there are 4 accesses, not 5"):
        Frequencies.of_counts([1, 3]).distinct_rows(5)


@pytest.mark.parametrize(
    ("reads", "ids"), [([2, 1], [1, 1]), ([0, 1], [1, 1]), ([1, 2], [0, 1]), ([1], [1, 2])]
)
def test_what_counts_nothing_so_is_refused(reads: list[int], ids: list[int]):
    with pytest.raises(ValueError, match="must"):
        Frequencies(np.array(reads), np.array(ids))


def test_reuse_is_binomial_over_the_bins():
    counts, share = [1, 2, 9, 9, 40], 0.25
    found = Frequencies.of_counts(counts)
    expected = np.zeros(17)
    for count in counts:
        for k in range(1, count + 1):
            chance = comb(count, k) * share**k * (1 - share) ** (count - k)
            expected[(k - 1).bit_length()] += chance
    told = found.reuse(share * found.accesses)
    np.testing.assert_allclose(told, expected / expected.sum(), atol=1e-12)


def test_reuse_of_ids_read_very_often_is_about_their_means():
    found = Frequencies(np.array([10_000_000]), np.array([3]))
    told = found.reuse(found.accesses / 1_000)  # 10,000 times each, give or take 100
    assert told[14] == pytest.approx(1.0)
    assert found.reuse(found.accesses)[16] == 1.0  # the last bin is open


def test_the_hottest_rows_draw_what_was_counted():
    found = Frequencies.of_counts([5, 1, 3, 1])
    assert [found.hottest_share(k) for k in (0, 1, 2, 3, 9)] == [0.0, 0.5, 0.8, 0.9, 1.0]
