"""The range of a step, by hand."""

from __future__ import annotations

import pytest

from shardplan.validation.residuals import Residual, residuals
from shardplan.validation.step_range import StepRange


def residual(framework: str, kind: str, factor: float) -> Residual:
    return Residual(f"{framework}-{kind}-{factor}", kind, framework, factor, 1.0)


RECORD = (
    *(residual("a", "x", factor) for factor in (0.9, 1.0, 1.2)),
    *(residual("b", "x", factor) for factor in (2.0, 3.0)),
    residual("b", "y", 0.5),
)


def test_it_reaches_from_the_least_to_the_largest_factor_of_steps_alike():
    found = StepRange.of(10.0, "x", "a", RECORD)
    assert (found.low_seconds, found.high_seconds) == pytest.approx((9.0, 12.0))
    assert (found.steps, found.framework, found.device_class) == (3, "a", "x")
    assert found.confidence == pytest.approx(2 / 4)


def test_fewer_than_three_steps_alike_are_joined_by_those_of_other_frameworks():
    found = StepRange.of(10.0, "x", "b", RECORD)
    assert (found.low_seconds, found.high_seconds) == pytest.approx((9.0, 30.0))
    assert (found.steps, found.framework, found.device_class) == (5, None, "x")


def test_a_kind_of_devices_of_which_little_is_known_has_the_range_of_all():
    found = StepRange.of(10.0, "y", "b", RECORD)
    assert (found.low_seconds, found.high_seconds) == pytest.approx((5.0, 30.0))
    assert (found.steps, found.framework, found.device_class) == (6, None, None)


def test_a_record_of_two_steps_gives_no_range():
    assert StepRange.of(10.0, "y", "b", RECORD[:2]) is None


def test_the_shipped_record_has_positive_times():
    assert len(residuals()) >= 20
    assert all(one.measured_seconds > 0 < one.predicted_seconds for one in residuals())
