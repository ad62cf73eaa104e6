"""The figures by which predictions are judged, on cases worked out by hand."""

import numpy as np
import pytest

from shardplan.calibrate.accuracy import Accuracy, spearman


def test_error_and_bias_are_means_of_ratios():
    found = Accuracy.of([1.1, 1.8], [1.0, 2.0])
    assert found.mean_error == pytest.approx(0.1)
    assert found.bias == pytest.approx(0.0)
    assert found.count == 2


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1, 2, 3, 4], [10, 20, 30, 45], 1.0),
        ([1, 2, 3, 4], [4, 3, 2, 1], -1.0),
        ([1, 2, 3, 4, 5], [1, 2, 4, 3, 5], 1 - 6 * 2 / (5 * 24)),
        ([1, 1, 2], [1, 2, 3], np.sqrt(3) / 2),  # the tie has ranks 1.5, 1.5, 3
        ([1, 1, 1], [1, 2, 3], 0.0),
    ],
)
def test_rank_correlation(first, second, expected):
    """1 - 6 sum(d^2) / (n (n^2 - 1)) without ties; ties share their mean rank."""
    assert spearman(np.array(first, float), np.array(second, float)) == pytest.approx(expected)
