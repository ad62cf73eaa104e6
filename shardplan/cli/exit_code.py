"""What the exit code says."""

from __future__ import annotations

from enum import IntEnum

from shardplan import errors
from shardplan.surroundings import outside_cause


class ExitCode(IntEnum):
    """The exit codes of all commands."""

    DONE = 0
    FAILED_VERIFICATION = 1
    """``verify`` found something."""
    DIFFERENT = 1
    """``diff --exit-code`` or ``check --exit-code`` found something."""
    INVALID_INPUT = 2
    """Or wrong usage, or surroundings in which it cannot be done: no room, no memory."""
    INFEASIBLE = 3
    """Proven: no plan exists."""
    NO_PLAN = 4
    """The limits struck before there was a plan."""
    INTERNAL_ERROR = 70
    """A bug: what sysexits.h calls EX_SOFTWARE."""
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    """Whoever read the output had enough: what a shell reports for SIGPIPE."""


_CODES: dict[type[BaseException], ExitCode] = {
    errors.InputError: ExitCode.INVALID_INPUT,
    errors.Infeasible: ExitCode.INFEASIBLE,
    errors.NoPlanFound: ExitCode.NO_PLAN,
    errors.Interrupted: ExitCode.INTERRUPTED,
    errors.SolverError: ExitCode.INTERNAL_ERROR,
    errors.ShardplanError: ExitCode.INVALID_INPUT,
    KeyboardInterrupt: ExitCode.INTERRUPTED,
    BrokenPipeError: ExitCode.BROKEN_PIPE,
}


def exit_code_of(error: BaseException) -> ExitCode:
    """The exit code of an error; what is not known is an internal one."""
    if outside_cause(error) is not None and not isinstance(error, BrokenPipeError):
        return ExitCode.INVALID_INPUT
    found = (_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)
    return next(found, ExitCode.INTERNAL_ERROR)
