"""What a step took, without the drawing of its batch."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip("torch")

from shardplan.executor.train import step_clock
from shardplan.executor.train.step_clock import StepClock


class Hours:
    """A clock that those who work turn on."""

    def __init__(self) -> None:
        self.now = 0.0

    def work(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def hours(monkeypatch) -> Hours:
    found = Hours()
    monkeypatch.setattr(step_clock, "time", SimpleNamespace(perf_counter=lambda: found.now))
    return found


def steps_of(hours: Hours, is_running: bool) -> list[float]:
    """Of three steps of 1 s each, for which this rank draws 10 s long, and the slowest 100 s."""
    clock = StepClock("cpu", is_running, lambda: hours.work(90))

    def source():
        for _ in range(3):
            hours.work(10)
            yield object()

    clock.begin()
    for _ in clock.drawn(source()):
        hours.work(1)
        clock.end()
        hours.work(1_000)  # Whoever is told of the loss.
        clock.begin()
    return clock.seconds


def test_neither_this_ranks_drawing_nor_that_of_others_is_a_steps(hours):
    assert steps_of(hours, is_running=True) == pytest.approx([1, 1, 1])


def test_where_nothing_is_measured_no_rank_waits_for_another(hours):
    steps_of(hours, is_running=False)
    assert hours.now == 3 * (10 + 1 + 1_000)
