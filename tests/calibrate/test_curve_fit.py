"""Curves found from points."""

import numpy as np
import pytest

from shardplan.calibrate.fit.curve_fit import fit_curve

SIZES = np.array([2.0**12, 2.0**16, 2.0**20, 2.0**24])


def test_measured_sizes_are_the_points():
    seconds = 1e-4 + SIZES / 1e9
    curve = fit_curve(SIZES, SIZES, seconds)
    assert [size for size, _ in curve.points] == SIZES.tolist()
    assert [at for _, at in curve.points] == pytest.approx(seconds.tolist())
    assert curve.excess_seconds_per_byte is None


def test_noise_never_makes_a_curve_fall():
    curve = fit_curve(SIZES, SIZES, np.array([1e-4, 2e-4, 1.5e-4, 2e-2]))
    seconds = [at for _, at in curve.points]
    assert seconds == sorted(seconds)


def test_excess_is_told_from_the_mean():
    """Each size with equal and with unequal buffers; the busiest is charged at 2 GB/s."""
    mean = np.tile(SIZES, 2)
    largest = np.concatenate([SIZES, 1.5 * SIZES])
    curve = fit_curve(mean, largest, 1e-4 + mean / 1e9 + (largest - mean) / 2e9)
    assert curve.excess_seconds_per_byte == pytest.approx(1 / 2e9)
    assert curve.seconds_of_unequal(2**20, 2**21) == pytest.approx(1e-4 + 2**20 * 1.5e-9)


def test_many_sizes_are_gathered_into_few_points():
    sizes = np.geomspace(1e6, 1e8, 500)
    curve = fit_curve(sizes, sizes, 1e-3 + sizes / 1e9)
    assert len(curve.points) < 20
    assert [curve.seconds(size) for size in sizes] == pytest.approx(1e-3 + sizes / 1e9, rel=0.02)
