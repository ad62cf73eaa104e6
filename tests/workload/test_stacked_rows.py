"""Distributions of many tables worked out side by side are those of each alone."""

from __future__ import annotations

import numpy as np
import pytest

from shardplan.workload.access import Cdf, Uniform, Zipf
from shardplan.workload.dtype import Dtype
from shardplan.workload.row_reads import fetches, row_distributions, unique_rows
from shardplan.workload.table import Table

ACCESSES = (Uniform(), Zipf(0.9), Zipf(1.0), Zipf(1.2), Cdf(((0.05, 0.6), (1.0, 1.0))))
ROWS = (1, 4, 100, 128, 129, 135, 1_000, 1_001, 250_000, 10**9)
TABLES = [
    Table(f"t{rows}", "m", rows, 16, Dtype.FP32, ("f",), (2.0,), access)
    for access in ACCESSES
    for rows in ROWS
]
DISTRIBUTIONS = row_distributions(TABLES)
DRAWS = np.array([0.0, 0.3, 1.0, 37.5, 4096.0, 1e7])


@pytest.mark.parametrize("access", [each for each in ACCESSES if isinstance(each, Zipf)], ids=str)
def test_those_of_zipfs_law_are_the_same_bit_by_bit_and_hold_all_rows_and_accesses(access):
    for rows, found in zip(ROWS, access.distributions(ROWS), strict=True):
        alone = access.distribution(rows, 1.0)
        assert found.counts.tolist() == alone.counts.tolist()
        assert found.probabilities.tolist() == alone.probabilities.tolist()
        assert found.counts.sum() == rows
        assert np.dot(found.counts, found.probabilities) == pytest.approx(1.0)
        assert (np.diff(found.probabilities) <= 0).all()


@pytest.mark.parametrize("draws", DRAWS)
def test_distinct_rows_are_those_of_each_table_alone(draws):
    found = unique_rows(DISTRIBUTIONS, np.full(len(TABLES), draws))
    assert found.tolist() == [each.unique_rows(draws) for each in DISTRIBUTIONS]


def test_fetches_past_caches_of_any_size_are_those_of_each_table_alone():
    rng = np.random.default_rng(0)
    table = rng.integers(len(TABLES), size=3_000).astype(np.int32)
    draws = rng.choice(DRAWS, 3_000)
    room = np.where(rng.random(3_000) < 0.1, 0.0, 10 ** rng.uniform(-1, 10, 3_000))
    found = fetches(DISTRIBUTIONS, table, draws, room)
    alone = [
        float(DISTRIBUTIONS[index].fetches(float(count), np.array([size]))[0])
        for index, count, size in zip(table.tolist(), draws.tolist(), room.tolist(), strict=True)
    ]
    assert found == pytest.approx(alone, rel=1e-12, abs=1e-12)
