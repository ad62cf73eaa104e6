"""What the clock did to a part of a solve is said of the whole, whatever came after it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from problems import placed, problem_of

from shardplan.solve.budget import Budget
from shardplan.solve.deadline import Deadline
from shardplan.solve.outcome import Ending
from shardplan.solve.reporter import Reporter
from shardplan.solve.search.record import Record


class Watchmaker:
    """A clock that is set by hand."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Watchmaker()


@pytest.fixture
def record(clock):
    """Of two items of a second each, on two devices."""
    budget = Budget(Deadline.after(100.0, clock), gap=0.0, patience_seconds=10.0)
    return Record(problem_of([1.0, 1.0]), budget, Reporter())


def test_patience_that_once_ran_out_is_told_though_something_better_came(record, clock):
    record.offer(placed([(0, [0]), (1, [0])]), "poor")
    clock.seconds = 11.0
    assert record.should_stop()
    record.offer(placed([(0, [0]), (1, [1])]), "good")
    assert not record.should_stop()
    assert record.outcome().ending is Ending.PATIENCE


def test_a_tree_that_patience_ended_is_told(record, clock):
    record.offer(placed([(0, [0]), (1, [0])]), "poor")
    clock.seconds = 11.0
    assert record.watch("integer program").should_stop()
    record.offer(placed([(0, [0]), (1, [1])]), "good")
    assert record.outcome().ending is Ending.PATIENCE


def test_a_gap_that_is_reached_as_the_clock_strikes_hides_nothing(record, clock):
    record.offer(placed([(0, [0]), (1, [1])]), "good")
    clock.seconds = 101.0
    record.prove(1.0, "relaxation")
    assert record.outcome().gap == 0.0
    assert record.outcome().ending is Ending.TIME_LIMIT


def test_without_the_clock_nothing_is_cut_off(record):
    record.cut_off(Ending.NODE_LIMIT)
    record.cut_off(Ending.GAP)
    assert record.outcome().ending is Ending.NODE_LIMIT


def test_of_solves_one_after_the_other_the_weightiest_end_counts(record):
    outcome = record.outcome()
    assert outcome.after(Ending.GAP).ending is Ending.NODE_LIMIT
    assert outcome.after(Ending.PATIENCE, Ending.TIME_LIMIT).ending is Ending.TIME_LIMIT
    assert replace(outcome, ending=Ending.INTERRUPTED).after(Ending.TIME_LIMIT) == replace(
        outcome, ending=Ending.INTERRUPTED
    )
