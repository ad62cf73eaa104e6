"""Sizes of queries, and their arrivals."""

from __future__ import annotations

import numpy as np
import pytest

from shardplan.workload.serving.load import Load
from shardplan.workload.serving.query_sizes import QuerySizes


def test_sizes_of_deeprecsys_have_the_published_mean() -> None:
    sizes = QuerySizes.lognormal(5.1, 0.2, 1024)
    assert round(sizes.mean) == 167
    assert sizes.shares.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    "sizes",
    [
        QuerySizes.lognormal(3.0, 1.0, 50),
        QuerySizes.quantiles([(0.2, 5), (0.5, 10), (0.9, 12), (1.0, 40)]),
        QuerySizes.constant(7),
    ],
)
def test_drawn_sizes_have_the_distribution(sizes: QuerySizes) -> None:
    drawn = sizes.drawn(np.random.default_rng(0), 200_000)
    assert drawn.mean() == pytest.approx(sizes.mean, rel=0.01)
    assert (drawn.astype(float) ** 2).mean() == pytest.approx(sizes.mean_square, rel=0.02)
    assert drawn.max() <= sizes.largest


def test_quantiles_hold_at_their_points() -> None:
    sizes = QuerySizes.quantiles([(0.2, 5), (0.5, 10), (0.9, 30), (1.0, 40)])
    share_of = dict(zip(sizes.sizes.tolist(), np.cumsum(sizes.shares).tolist(), strict=True))
    assert share_of[10] == pytest.approx(0.5, abs=0.04)
    assert share_of[30] == pytest.approx(0.9, abs=0.01)
    assert share_of[5] == pytest.approx(0.23, abs=0.01)


def test_the_peak_is_planned_for() -> None:
    assert Load(1000.0, peak=1.5).peak_queries_per_second == 1500
