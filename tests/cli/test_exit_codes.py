"""What the command line says of an error, and with which code it exits."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from shardplan.cli.failure import reported
from shardplan.diagnostics import Diagnostic
from shardplan.errors import (
    Infeasible,
    InputError,
    Interrupted,
    NoPlanFound,
    ShardplanError,
    Shortfall,
    SolverError,
)

GIB = 2.0**30
SHORT = Infeasible(
    [
        Shortfall("all tables", "hbm of all devices", 24 * GIB, 18 * GIB, "bytes", "more nodes"),
        Shortfall("table t", "hbm of one device", 9 * GIB, 8 * GIB, "bytes", "row_wise for t"),
        Shortfall("table u", "hbm of one device", 10 * GIB, 8 * GIB, "bytes", "more nodes"),
    ]
)


def _run(error, *arguments):
    class Failing(click.Group):
        def invoke(self, ctx):
            with reported(ctx):
                return super().invoke(ctx)

    @click.group(cls=Failing)
    @click.option("-v", "--verbose", is_flag=True)
    def program(verbose):
        pass

    @program.command()
    def fail():
        raise error

    return CliRunner().invoke(program, [*arguments, "fail"])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RuntimeError("a bug"), 70),
        (SolverError("does not hold"), 70),
        (InputError([Diagnostic("f", 1, 2, "p", "m")]), 2),
        (ShardplanError("no formula"), 2),
        (click.UsageError("wrong"), 2),
        (SHORT, 3),
        (NoPlanFound("time ran out"), 4),
        (Interrupted("no plan yet"), 130),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 141),
    ],
)
def test_each_error_has_its_code_and_no_traceback(error, code):
    result = _run(error)
    assert result.exit_code == code
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_all_faults_are_listed_in_the_order_of_the_text_and_counted():
    faults = [Diagnostic("f.yaml", line, 1, "", f"fault {line}") for line in (3, 1, 2)]
    assert _run(InputError(faults)).stderr.splitlines() == [
        "f.yaml:1:1: error: fault 1",
        "f.yaml:2:1: error: fault 2",
        "f.yaml:3:1: error: fault 3",
        "3 errors",
    ]


def test_infeasible_gives_the_numbers_first_and_then_the_smallest_change():
    assert _run(SHORT).stderr.splitlines() == [
        "error: no plan can exist, and this is proven",
        "  all tables: 24.0 GiB of hbm of all devices needed, 18.0 GiB there, "
        "6.0 GiB (6,442,450,944 B) short",
        "  table t: 9.0 GiB of hbm of one device needed, 8.0 GiB there, "
        "1.0 GiB (1,073,741,824 B) short",
        "  table u: 10.0 GiB of hbm of one device needed, 8.0 GiB there, "
        "2.0 GiB (2,147,483,648 B) short",
        "what it takes at least, not tried:",
        "  - row_wise for t",
        "  - more nodes",
    ]


def test_a_bug_says_how_to_see_more_and_verbose_shows_it():
    quiet, loud = _run(RuntimeError("a bug")), _run(RuntimeError("a bug"), "-v")
    assert quiet.stderr.startswith("internal error: RuntimeError: a bug\nhint: ")
    assert "Traceback (most recent call last)" in loud.stderr
