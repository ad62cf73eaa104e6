"""Access patterns against exact sums, simulation and real histograms."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardplan.workload.access import Cdf, Reuse, Uniform, Zipf
from shardplan.workload.dtype import Dtype
from shardplan.workload.reuse import REFERENCE_BATCH, mean_hits
from shardplan.workload.row_reads import fetches, row_distributions, unique_rows
from shardplan.workload.table import Table

DATA = Path(__file__).parents[3] / "shared" / "data"
REUSE = Reuse((0.59, 0.15, 0.11, 0.06, 0.04, 0.03, 0.01, 0.006, 0.004, *[0.0] * 8))

ACCESSES = st.one_of(
    st.just(Uniform()),
    st.floats(0.1, 4.0).map(Zipf),
    st.floats(0.05, 1.0).map(lambda share: Cdf(((share / 2, share), (1.0, 1.0)))),
    st.lists(st.floats(0, 1), min_size=17, max_size=17)
    .filter(lambda bins: sum(bins) > 0.01)
    .map(lambda bins: Reuse(tuple(bins))),
)


def zipf_probabilities(exponent: float, rows: int) -> np.ndarray:
    weights = np.arange(1, rows + 1, dtype=np.float64) ** -exponent
    return weights / weights.sum()


@pytest.mark.parametrize("exponent", [0.5, 0.8, 1.0, 1.05, 1.45, 2.0])
@pytest.mark.parametrize("rows", [1, 7, 128, 5_000, 300_000])
def test_zipf_agrees_with_the_sum_over_every_row(exponent, rows):
    """Classes of many ranks stay within 0.1% of the exact sums."""
    chance = zipf_probabilities(exponent, rows)
    found = Zipf(exponent).distribution(rows, 1.0)
    for draws in (1, 30, 5_000, 1e7):
        with np.errstate(divide="ignore"):
            exact = -np.expm1(draws * np.log1p(-chance)).sum()
        assert found.unique_rows(draws) == pytest.approx(exact, rel=1e-3)
    for hottest in {1, rows // 10, rows // 2} - {0}:
        share = found.hottest_share(hottest / rows)
        assert share == pytest.approx(chance[:hottest].sum(), rel=1e-3)


def test_zipf_agrees_with_drawn_ids():
    """Distinct rows of simulated batches average to the expected number."""
    rng = np.random.default_rng(7)
    chance = zipf_probabilities(1.05, 20_000)
    drawn = [len(np.unique(rng.choice(20_000, 8_000, p=chance))) for _ in range(20)]
    assert Zipf(1.05).distribution(20_000, 1.0).unique_rows(8_000) == pytest.approx(
        np.mean(drawn), rel=0.005
    )


def test_a_billion_rows_take_few_classes():
    found = Zipf(1.05).distribution(10**9, 1.0)
    assert len(found.counts) < 600
    assert found.counts.sum() == pytest.approx(1e9)
    assert np.dot(found.counts, found.probabilities) == pytest.approx(1.0)


def test_uniform_agrees_with_its_closed_form():
    assert Uniform().distribution(1_000, 1.0).unique_rows(500) == pytest.approx(
        1_000 * (1 - (1 - 1 / 1_000) ** 500)
    )
    assert Uniform().distribution(1_000, 1.0).hottest_share(0.3) == pytest.approx(0.3)


def test_cdf_splits_rows_at_its_points():
    """Rows inside a stretch are equally likely, and shares in between lie on straight lines."""
    found = Cdf(((0.1, 0.8), (0.5, 0.95), (1.0, 1.0))).distribution(1_000, 1.0)
    assert found.counts.tolist() == [100, 400, 500]
    assert found.probabilities == pytest.approx([0.008, 0.15 / 400, 0.05 / 500])
    assert found.hottest_share(0.05) == pytest.approx(0.4)
    assert found.hottest_share(0.3) == pytest.approx(0.875)
    chance = np.repeat(found.probabilities, found.counts.astype(int))
    assert found.unique_rows(300) == pytest.approx((1 - (1 - chance) ** 300).sum())


def test_cdf_finer_than_a_row_is_joined_to_whole_rows():
    """A point at a thousandth of a row must not make a row likelier than certain."""
    found = Cdf(((1e-6, 0.5), (1.0, 1.0))).distribution(1_000, 1.0)
    assert found.counts.sum() == 1_000
    assert (found.probabilities <= 1).all()


def test_cdf_in_steps_of_one_row_is_exact():
    chance = zipf_probabilities(1.2, 50)
    steps = tuple((i / 50, float(share)) for i, share in enumerate(chance.cumsum(), 1))
    assert Cdf(steps).distribution(50, 1.0).unique_rows(200) == pytest.approx(
        (1 - (1 - chance) ** 200).sum()
    )


def test_mean_hits_lie_inside_their_bins():
    hits = mean_hits(17)
    assert hits[:3].tolist() == pytest.approx([1, 2, 3.394], abs=1e-3)
    edges = 2.0 ** np.arange(17)
    assert (hits[2:16] > edges[1:15]).all()
    assert (hits[1:16] <= edges[1:16]).all()
    assert hits[16] > 2**15


def test_reuse_gives_back_the_distinct_rows_of_its_own_batch():
    """With room for cold rows, the reference batch shows accesses / mean hits distinct rows."""
    draws = 20.0 * REFERENCE_BATCH
    expected = draws * sum(REUSE.bins) / np.dot(REUSE.bins, mean_hits(17))
    assert REUSE.distribution(10**8, 20.0).unique_rows(draws) == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("part", [2, 8, 64])
def test_reuse_agrees_with_a_thinned_batch(part):
    """A row touched c times keeps a touch in a random n-th of the batch with 1 - (1 - 1/n)^c."""
    draws, hits = 20.0 * REFERENCE_BATCH, mean_hits(17)
    touched = draws * np.array(REUSE.bins) / np.dot(REUSE.bins, hits)
    thinned = np.dot(touched, 1 - (1 - 1 / part) ** hits)
    found = REUSE.distribution(10**8, 20.0).unique_rows(draws / part)
    assert found == pytest.approx(thinned, rel=0.08)


def test_reuse_counts_the_rows_that_are_never_read():
    """Shares of rows are of the whole table, also where every touched row is touched often."""
    found = Reuse((0.0,) * 8 + (1.0,) + (0.0,) * 8).distribution(10**6, 1.0)
    assert found.counts.sum() == pytest.approx(10**6)
    assert found.hottest_share(0.5) == pytest.approx(1.0)


@given(
    access=ACCESSES,
    rows=st.integers(1, 10**10),
    pooling=st.floats(0, 200),
    draws=st.floats(0, 1e9),
    factor=st.floats(1, 100),
)
def test_distinct_rows_are_bounded_and_grow_with_draws(access, rows, pooling, draws, factor):
    found = access.distribution(rows, pooling)
    few, many = found.unique_rows(draws), found.unique_rows(draws * factor)
    assert 0 <= few <= many * (1 + 1e-9)
    assert many <= min(rows, draws * factor) * (1 + 1e-6)


@given(access=ACCESSES, rows=st.integers(1, 10**10), low=st.floats(0, 1), high=st.floats(0, 1))
def test_the_hottest_rows_draw_more_than_their_share(access, rows, low, high):
    low, high = sorted((low, high))
    found = access.distribution(rows, 5.0)
    assert found.hottest_share(low) <= found.hottest_share(high) + 1e-12
    assert found.hottest_share(high) >= high - 1e-6
    assert found.hottest_share(1.0) == pytest.approx(1.0)


def test_all_tables_at_once_agree_with_one_by_one():
    """Tables that share rows, pooling and access are told apart by nothing else."""
    tables = [
        Table(f"t{i}", "m", rows, 64, Dtype.FP32, ("f",), (pooling,), access)
        for i, (rows, pooling, access) in enumerate(
            [(1_000, 3.0, Zipf(1.1)), (1_000, 3.0, Uniform()), (1_000, 0.0, Uniform())] * 2
        )
    ]
    distributions = row_distributions(tables)
    draws = np.array([100 * table.pooling for table in tables])
    found = unique_rows(distributions, draws)
    cached = np.array([0.0, 5.0, 1e9] * 6)
    missed = fetches(distributions, np.repeat(np.arange(6), 3), np.repeat(draws, 3), cached)
    for index, table in enumerate(tables):
        alone = table.access.distribution(table.rows, table.pooling)
        assert found[index] == alone.unique_rows(draws[index])
        expected = alone.fetches(draws[index], np.array([0.0, 5.0, 1e9]))
        assert missed[3 * index : 3 * index + 3].tolist() == expected.tolist()


@pytest.mark.skipif(not DATA.is_dir(), reason="shared/data is not beside the project")
def test_reuse_of_856_real_tables_gives_their_published_distinct_rows():
    """The oracle is the estimate in the table file; most tables agree within 2%, all within 12%."""
    with (DATA / "dlrm856_tables.csv").open() as file:
        lines = [line for line in csv.DictReader(file) if float(line["pooling_factor"]) > 0]
    off = []
    for line in lines:
        access = Reuse(tuple(float(line[f"bin_{i}"]) for i in range(17)))
        pooling = float(line["pooling_factor"])
        found = access.distribution(int(line["row"]), pooling)
        expected = float(line["est_unique_rows_in_batch65536"])
        off.append(found.unique_rows(REFERENCE_BATCH * pooling) / expected - 1)
    assert len(off) == 820
    assert np.quantile(np.abs(off), 0.9) < 0.02
    assert np.abs(off).max() < 0.12
