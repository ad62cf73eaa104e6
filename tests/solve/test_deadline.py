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


def test_what_is_called_off_is_over_at_once_and_so_is_what_lies_within():
    is_pressed = []
    deadline = Deadline.after(5.0, clock=lambda: 100.0).unless(lambda: bool(is_pressed))
    within = deadline.within(3.0)
    assert (deadline.seconds_left, within.seconds_left) == (5.0, 3.0)
    is_pressed.append(True)
    assert deadline.is_over
    assert within.is_over


def test_a_grace_begins_at_the_limit_or_when_work_is_first_seen_called_off():
    now, is_pressed = [100.0], []
    deadline = Deadline.after(5.0, clock=lambda: now[0]).unless(lambda: bool(is_pressed))
    grace = deadline.extended(1.0)
    now[0] = 102.0
    assert grace.seconds_left == 4.0
    is_pressed.append(True)
    assert not grace.is_over
    now[0] = 102.9
    assert not grace.is_over
    now[0] = 103.0
    assert grace.is_over
    now[0], late = 105.5, Deadline.after(5.0, clock=lambda: 100.0).extended(1.0)
    assert late.at_seconds == 106.0
