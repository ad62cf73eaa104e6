"""Curves between and beyond their points, and the lines that touch them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardplan.cost.profile.curves import Curve

CURVE = Curve(((1_000.0, 10e-6), (4_000.0, 10e-6), (64_000.0, 40e-6), (256_000.0, 160e-6)))

CURVES = st.lists(st.tuples(st.floats(1.1, 50), st.floats(1, 60)), min_size=2, max_size=8).map(
    lambda steps: Curve(tuple(_walk(steps)))
)


def _walk(steps):
    size, seconds = 512.0, 5e-6
    for wider, slower in steps:
        size, seconds = size * wider, seconds * slower
        yield size, seconds


def test_passes_through_its_points():
    for size, seconds in CURVE.points:
        assert CURVE.seconds(size) == pytest.approx(seconds)


def test_is_straight_in_log_log_between_points():
    """From 4 kB to 64 kB time doubles per fourfold size: 20 us at 16 kB."""
    assert CURVE.seconds(16_000) == pytest.approx(20e-6)


def test_is_flat_before_the_first_point_and_proportional_past_the_last():
    assert CURVE.seconds(0) == CURVE.seconds(1) == 10e-6
    assert CURVE.seconds(512_000) == pytest.approx(320e-6)


def test_tangent_has_the_slope_of_the_curve():
    line, step = CURVE.tangent(16_000), 1.0
    slope = (CURVE.seconds(16_000 + step) - CURVE.seconds(16_000 - step)) / (2 * step)
    assert line.seconds_per_byte == pytest.approx(slope, rel=1e-6)
    assert line.seconds(16_000) == pytest.approx(20e-6)


def test_bytes_cost_something_where_the_curve_is_flat():
    line = CURVE.tangent(2_000)
    assert line.seconds_per_byte == pytest.approx(160e-6 / 256_000)
    assert line.seconds(2_000) == pytest.approx(10e-6)


@given(curve=CURVES, size=st.floats(0, 1e12))
def test_tangents_touch_the_curve_and_never_go_below_zero(curve, size):
    line = curve.tangent(size)
    assert line.seconds_per_byte > 0
    assert line.constant_seconds >= 0
    assert line.seconds(size) == pytest.approx(curve.seconds(size), rel=1e-9)


@given(curve=CURVES, size=st.floats(0, 1e12), factor=st.floats(1, 100))
def test_more_bytes_never_take_less_time(curve, size, factor):
    assert curve.seconds(size * factor) >= curve.seconds(size) * (1 - 1e-12)
