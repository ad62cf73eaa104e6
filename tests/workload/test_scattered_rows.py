"""Where hot rows lie where a hash made the ids: anywhere, once each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardplan.workload.access import Zipf
from shardplan.workload.drawn.drawn_ids import draw_ids
from shardplan.workload.drawn.scattered_rows import scattered
from shardplan.workload.dtype import Dtype
from shardplan.workload.row_order import RowOrder
from shardplan.workload.table import Table

KEYS = st.integers(-(2**63), 2**64 - 1)


@given(rows=st.integers(1, 3_000), key=KEYS)
def test_every_row_is_that_of_one_rank(rows, key):
    found = scattered(np.arange(rows), rows, key)
    assert np.array_equal(np.sort(found), np.arange(rows))


@given(rows=st.integers(2**20, 2**62), key=KEYS)
def test_ranks_of_the_largest_tables_stay_inside_and_apart(rows, key):
    found = scattered(np.array([0, 1, 2, rows // 2, rows - 1]), rows, key)
    assert len(set(found.tolist())) == 5
    assert ((found >= 0) & (found < rows)).all()


@pytest.mark.parametrize("rows", [16, 240, 1_000, 40_000_000])
def test_hot_rows_fall_into_each_half_as_coins_do(rows):
    """Their share of the accesses, over many keys, against coins that are thrown."""
    hottest = np.arange(min(rows, 200))
    weights = 1 / (1 + hottest)
    shares = np.array(
        [weights[scattered(hottest, rows, key) * 2 < rows].sum() for key in range(1_000)]
    )
    shares /= weights.sum()
    coins = 0.5 * np.sqrt((weights**2).sum()) / weights.sum()
    assert shares.mean() == pytest.approx(0.5, abs=0.02)
    assert 0.7 * coins < shares.std() < 1.3 * coins


def table(name: str, ids: RowOrder) -> Table:
    return Table(name, "sparse", 1_000, 8, Dtype.FP32, (name,), (1.0,), Zipf(1.2), ids)


def test_ids_are_scattered_otherwise_in_each_table():
    one, other = (
        np.bincount(draw_ids(table(name, RowOrder.HASHED), 5_000, np.random.default_rng(0)))
        for name in "ab"
    )
    assert one.argmax() != other.argmax()
    assert sorted(one[one > 0]) == sorted(other[other > 0])


def test_ids_by_frequency_begin_with_the_hottest():
    ids = draw_ids(table("a", RowOrder.BY_FREQUENCY), 50_000, np.random.default_rng(0))
    counts = np.bincount(ids, minlength=1_000)
    assert (counts[:5].argsort()[::-1] == np.arange(5)).all()
    assert counts[0] / 50_000 == pytest.approx(1 / (np.arange(1, 1_001) ** -1.2).sum(), rel=0.05)
