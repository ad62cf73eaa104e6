"""Non-negative least squares against trying every set of columns."""

from itertools import combinations

import numpy as np
import pytest

from shardplan.calibrate.fit.nnls import nnls
from shardplan.calibrate.fit.relative_fit import relative_fit


def brute_force(columns, values):
    """The least residual over all subsets of columns whose free solution is not negative."""
    best = float(np.linalg.norm(values))
    for size in range(1, columns.shape[1] + 1):
        for chosen in combinations(range(columns.shape[1]), size):
            x = np.linalg.lstsq(columns[:, chosen], values, rcond=None)[0]
            if (x >= 0).all():
                best = min(best, float(np.linalg.norm(columns[:, chosen] @ x - values)))
    return best


@pytest.mark.parametrize("seed", range(20))
def test_no_subset_of_columns_does_better(seed):
    """On random problems, half of them with columns that nearly agree."""
    random = np.random.default_rng(seed)
    columns = random.normal(size=(12, 5))
    if seed % 2:
        columns[:, 1] = columns[:, 0] + 1e-3 * columns[:, 1]
    values = random.normal(size=12)
    x = nnls(columns, values)
    assert (x >= 0).all()
    assert np.linalg.norm(columns @ x - values) == pytest.approx(brute_force(columns, values))


def test_columns_of_very_different_size_are_told_apart():
    columns = np.array([[1.0, 1e9], [2.0, 1e9], [3.0, 4e9]])
    assert nnls(columns, columns @ [0.5, 2e-9]) == pytest.approx([0.5, 2e-9])


def test_a_column_of_zeros_gets_nothing():
    assert nnls(np.array([[0.0, 1.0], [0.0, 2.0]]), np.array([3.0, 6.0])) == pytest.approx([0, 3])


def test_a_few_disturbed_measurements_do_not_move_the_relative_fit():
    columns = np.column_stack([np.ones(40), np.geomspace(1, 1e4, 40)])
    seconds = columns @ [2.0, 0.5]
    disturbed = np.where(np.arange(40) % 8 == 3, 3 * seconds, seconds)
    assert relative_fit(columns, disturbed) == pytest.approx([2.0, 0.5], rel=0.02)
