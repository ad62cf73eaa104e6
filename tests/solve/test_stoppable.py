"""A linear program is left as soon as the user asks for it, not when it is solved."""

from __future__ import annotations

import signal

import numpy as np
import pytest

from shardplan.solve.deadline import Deadline
from shardplan.solve.program.answer import Limits, Status, Watch
from shardplan.solve.program.backend import solve_program
from shardplan.solve.program.program import Program, ProgramBuilder


def long_linear_program(size: int = 500) -> Program:
    """Dense, and without a structure that presolve could use: seconds of simplex."""
    rng = np.random.default_rng(0)
    build = ProgramBuilder()
    x = build.add_columns("x", [np.arange(size)], cost=-rng.uniform(1, 2, size), upper=1.0)
    rows = build.add_rows("row", [np.arange(size)], upper=size / 20)
    build.add_entries(rows[:, None], x, rng.uniform(0, 1, (size, size)))
    return build.build()


def asked_twice():
    """Says yes from the second time on."""
    answers = iter([False])
    return lambda: next(answers, True)


def test_a_linear_program_ends_when_it_is_called_off():
    limits = Limits(Deadline(float("inf")).unless(asked_twice()))
    answer = solve_program(long_linear_program(), limits)
    assert answer.status is not Status.OPTIMAL
    assert answer.interrupted


def test_a_linear_program_ends_when_the_watch_has_had_enough():
    answer = solve_program(long_linear_program(), watch=Watch(should_stop=asked_twice()))
    assert answer.interrupted


@pytest.fixture
def hears_ctrl_c():
    """What a shell begins in the background does not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("hears_ctrl_c")
def test_a_signal_is_heard_while_a_linear_program_is_solved():
    def press(best, bound):
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        solve_program(long_linear_program(), watch=Watch(on_progress=press))


def test_what_hears_nothing_of_the_user_is_solved_to_the_end():
    program = long_linear_program(150)
    assert len(program.values) > 10_000
    answer = solve_program(program, Limits(Deadline(float("inf"))))
    assert (answer.status, answer.interrupted) == (Status.OPTIMAL, False)
    assert answer.objective == pytest.approx(float(program.cost @ answer.x))
