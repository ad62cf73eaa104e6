"""Deadlines, by a clock that stands."""

from __future__ import annotations

from shardplan.solve.deadline import Deadline


def test_time_runs_out_and_does_not_become_negative():
    now = [100.0]
    deadline = Deadline.after(5.0, clock=lambda: now[0])
    assert deadline.seconds_left == 5.0
    now[0] = 104.0
    assert not deadline.is_over
    assert deadline.within(9.0).seconds_left == 1.0
    assert deadline.within(0.5).seconds_left == 0.5
    now[0] = 107.0
    assert deadline.is_over
    assert deadline.seconds_left == 0.0
