"""What is said while a solve runs."""

from __future__ import annotations

import signal

import pytest

from shardplan.cli.interrupt import Interrupt, interruptible
from shardplan.cli.reports.progress import LineReporter, Standing, TellingReporter, progress
from shardplan.explain.words import words


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (None, "unknown"),
        (0.005, "0.50%"),
        (0.115, "11.5%"),
        (10.0, "1000.0%"),
        (54.777, "x56 the bound"),
    ],
)
def test_a_very_large_gap_is_a_factor(fraction, text):
    assert words.gap(fraction) == text


@pytest.mark.parametrize(
    ("standing", "line"),
    [
        (Standing(), "12s"),
        (Standing(bound_seconds=5.91e-3), "12s  bound 5.91 ms"),
        (Standing(best_seconds=6.68e-3), "12s  best 6.68 ms"),
        (Standing("", 6.59e-3, 5.91e-3), "12s  bound 5.91 ms  best 6.59 ms  gap 11.5%"),
        (Standing("", 1.0, 1.0 + 1e-12), "12s  bound 1 s  best 1 s  gap 0.0%"),
        (Standing("", 6.0, 0.1), "12s  bound 100 ms  best 6 s  gap x60 the bound"),
    ],
)
def test_a_line_says_what_is_known(standing, line):
    assert standing.line(12.4) == line


def test_a_line_comes_every_ten_seconds_with_the_best_of_both():
    now, lines = [100.0], []
    reporter = LineReporter(lines.append, clock=lambda: now[0])
    reporter.improved(6e-3, "greedy")
    reporter.improved(7e-3, "search")
    reporter.bounded(5e-3, "bound")
    reporter.bounded(4e-3, "milp")
    for seconds in (1, 9.9, 10.0, 15, 20.5, 21, 41):
        now[0] = 100.0 + seconds
        reporter.ticking()
    assert lines == [
        f"{seconds}s  bound 5 ms  best 6 ms  gap 20.0%" for seconds in ("10", "20", "41")
    ]


def test_quiet_hears_nothing():
    with progress(quiet=True) as reporter:
        assert type(reporter) is TellingReporter


def test_the_first_interrupt_asks_and_the_second_aborts(capsys):
    interrupt = Interrupt("stopping")
    assert not interrupt.is_requested()
    interrupt.handle(signal.SIGINT, None)
    assert interrupt.is_requested()
    assert "stopping; Ctrl-C again aborts" in capsys.readouterr().err
    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupt.handle(signal.SIGINT, None)
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_handler_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    with interruptible() as interrupt:
        assert signal.getsignal(signal.SIGINT) == interrupt.handle
        signal.raise_signal(signal.SIGINT)
        assert interrupt.is_requested()
    assert signal.getsignal(signal.SIGINT) is before
