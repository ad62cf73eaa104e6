"""How unevenly blocks of rows are read where the hottest rows come first."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_caches import drawn, zipf_chances

from shardplan.workload.access import Cdf, Uniform, Zipf

ACCESSES = [Uniform(), Zipf(0.8), Zipf(1.05), Zipf(1.5), Cdf(((0.05, 0.6), (1.0, 1.0)))]


@pytest.mark.parametrize("exponent", [0.8, 1.0, 1.2])
@pytest.mark.parametrize("blocks", [2, 8, 48])
def test_blocks_agree_with_drawn_ids(exponent, blocks):
    """Row k lies in block k // height, and the last one may be lower."""
    rows, draws = 10_001, 40_000
    height = -(-rows // blocks)
    accesses = np.zeros(blocks)
    for ids in drawn(zipf_chances(exponent, rows), draws, 20):
        accesses += np.bincount(ids // height, minlength=blocks) / (20 * draws)
    found = Zipf(exponent).distribution(rows, 1.0)
    assert found.block_shares(blocks) == pytest.approx(accesses, rel=0.01, abs=1e-3)


def test_rows_read_alike_make_even_blocks():
    found = Uniform().distribution(1_000, 1.0)
    assert found.block_shares(8) == pytest.approx(np.full(8, 1 / 8))


def test_a_table_with_fewer_rows_than_blocks_leaves_the_last_ones_empty():
    found = Uniform().distribution(5, 1.0)
    assert found.block_shares(4) == pytest.approx([0.4, 0.4, 0.2, 0])


@given(access=st.sampled_from(ACCESSES), rows=st.integers(1, 10**10), blocks=st.integers(1, 1_024))
def test_the_first_block_is_read_most_and_all_make_the_table(access, rows, blocks):
    found = access.distribution(rows, 1.0)
    shares = found.block_shares(blocks)
    assert len(shares) == blocks
    assert shares.sum() == pytest.approx(1)
    assert (np.diff(shares) <= 1e-9).all()


@pytest.mark.parametrize("access", ACCESSES, ids=str)
def test_the_hottest_rows_are_a_table_that_is_read_like_the_first_block(access):
    whole = access.distribution(10_000, 1.0)
    part, share = whole.hottest_rows(1_250), float(whole.block_shares(8)[0])
    assert part.counts.sum() == pytest.approx(1_250)
    assert np.dot(part.counts, part.probabilities) == pytest.approx(1)
    distinct = np.cumsum(whole.counts * whole.touched(65_536))
    first = np.interp(1_250, [0, *np.cumsum(whole.counts)], [0, *distinct])
    assert part.unique_rows(65_536 * share) == pytest.approx(first, rel=1e-3)
