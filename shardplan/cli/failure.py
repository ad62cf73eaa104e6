"""Errors -> words on stderr and an exit code; the only place that does this."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

import click

from shardplan.cli.exit_code import ExitCode, exit_code_of
from shardplan.cli.output import tell
from shardplan.errors import (
    MOST_SHOWN,
    Infeasible,
    InputError,
    ShardplanError,
    SolverError,
    first_of,
)
from shardplan.printable import printable
from shardplan.surroundings import NO_ROOM, outside_cause

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.diagnostics import Diagnostic
    from shardplan.errors import Shortfall

_UNWRITABLE = NO_ROOM | {errno.EBADF}
"""What the system says where stdout has no room, or is closed."""


@contextmanager
def reported(ctx: click.Context) -> Iterator[None]:
    """Report what a command raises, and exit with its code.

    What click raises passes through: it knows what to say of wrong usage.
    """
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except BrokenPipeError as error:
        _silence_stdout()
        ctx.exit(exit_code_of(error))
    except OSError as error:
        if error.errno in _UNWRITABLE and not error.filename:
            raise  # Of what click writes by itself.
        _report(ctx, error)
    except (Exception, KeyboardInterrupt) as error:
        _report(ctx, error)


@contextmanager
def full_stdout_reported() -> Iterator[None]:
    """Report that there is no room for what click writes by itself: help and the version."""
    try:
        yield
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        _silence_stdout()
        tell(f"<stdout>: error: cannot write: {error.strerror}")
        sys.exit(ExitCode.INVALID_INPUT)


@contextmanager
def printable_usage() -> Iterator[None]:
    """Spell out in what click says of wrong usage what would steer a terminal."""
    try:
        yield
    except click.ClickException as error:
        vars(error).update(message=printable(error.message))
        raise


def _report(ctx: click.Context, error: BaseException) -> NoReturn:
    code = exit_code_of(error)
    if code is ExitCode.INTERNAL_ERROR and ctx.params.get("verbose"):
        tell(traceback.format_exc().rstrip("\n"))
    for line in words_of(error):
        tell(line)
    ctx.exit(code)


def words_of(error: BaseException) -> list[str]:
    """What to say of an error."""
    if isinstance(error, InputError):
        return diagnostic_lines(error.diagnostics)
    if isinstance(error, Infeasible):
        return _infeasible(error)
    if isinstance(error, KeyboardInterrupt):
        return ["interrupted"]
    if isinstance(error, ShardplanError) and not isinstance(error, SolverError):
        return [f"error: {error}"]
    cause = outside_cause(error)
    if cause is not None:
        return [f"error: {cause}"]
    return [
        f"internal error: {type(error).__name__}: {error}",
        "hint: this is a bug in shardplan; `shardplan -v ...` shows where",
    ]


def diagnostic_lines(diagnostics: Sequence[Diagnostic]) -> list[str]:
    """The first faults in the order of the text, then how many there are."""
    ordered = sorted(diagnostics, key=lambda d: (d.file, d.line, d.column))
    shown = [diagnostic for diagnostic in ordered if diagnostic.count == 1][:MOST_SHOWN]
    hidden = sum(diagnostic.count for diagnostic in ordered) - len(shown)
    errors = sum(diagnostic.count for diagnostic in ordered if diagnostic.severity == "error")
    count = [f"{errors:,} error" + ("s" if errors > 1 else "")] if errors else []
    more = [f"... and {hidden:,} more like these"] if hidden else []
    return [*(str(diagnostic) for diagnostic in shown), *more, *count]


_TRIED = "what would help, each tried and a plan found:"
_NOT_TRIED = "what it takes at least, not tried:"


def _infeasible(error: Infeasible) -> list[str]:
    """The numbers, the facts behind them, then what would help, the smallest change first."""
    remedies = error.remedies or tuple(_remedies(error.shortfalls))
    return [
        "error: no plan can exist, and this is proven",
        *(line for each in error.shortfalls[:MOST_SHOWN] for line in _shortfall_lines(each)),
        *(f"  {line}" for line in first_of(error.shortfalls)[MOST_SHOWN:]),
        *(["these together leave no plan:"] if error.facts else []),
        *(f"  - {fact}" for fact in first_of(error.facts)),
        *([_TRIED if error.remedies else _NOT_TRIED] if remedies else []),
        *(f"  - {remedy}" for remedy in first_of(remedies)),
    ]


def _remedies(shortfalls: Sequence[Shortfall]) -> dict[str, None]:
    """What each shortfall itself knows, that of the least first."""
    by_change = sorted(shortfalls, key=lambda s: s.missing / s.offers if s.offers else s.missing)
    return dict.fromkeys(short.remedy for short in by_change if short.remedy)


def _shortfall_lines(short: Shortfall) -> list[str]:
    """What is short and, where rules leave nothing of it, these rules."""
    if not short.reasons:
        return [f"  {_shortfall(short)}", *([f"    {short.note}"] if short.note else [])]
    return [
        f"  {short.subject}: no {short.resource}:",
        *(f"    - {reason}" for reason in short.reasons),
    ]


def _shortfall(short: Shortfall) -> str:
    if short.is_none:
        return f"{short.subject}: no {short.resource}"
    needs, offers, missing = (
        _amount(value, short.unit) for value in (short.needs, short.offers, short.missing)
    )
    exact = f" ({short.missing:,.0f} B)" if short.unit == "bytes" else ""
    return (
        f"{short.subject}: {needs} of {short.resource} needed, {offers} there, "
        f"{missing}{exact} short"
    )


def _amount(value: float, unit: str) -> str:
    from shardplan.units import format_bytes

    return format_bytes(value) if unit == "bytes" else f"{value:,.6g}"


def _silence_stdout() -> None:
    """Keep the interpreter from complaining about stdout once more when it exits."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
