"""Commands on bent files, in this process, under a watch of the processor's time."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from click.testing import CliRunner

from shardplan.cli.exit_code import ExitCode
from shardplan.cli.main import cli
from shardplan.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

SPEC = Path(__file__).parents[1] / "data" / "explain" / "spec.yaml"
"""What all attacks start from."""
LONGEST_SECONDS = 10
"""Of the processor, for one command on a small file."""
_DOCUMENTED = frozenset(ExitCode) - {ExitCode.INTERNAL_ERROR}


class Hang(BaseException):
    """A command that does not end; no handler of exceptions takes it for a bug."""


@contextmanager
def watched(seconds: float) -> Iterator[None]:
    """Raise Hang once this process has worked so long, however busy the machine is."""

    def fail(*_: object) -> None:
        raise Hang(f"still busy after {seconds} s of the processor")

    before = signal.signal(signal.SIGPROF, fail)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def attempt(*arguments: object, stdin: bytes | None = None) -> Result:
    """Run a command line."""
    with watched(LONGEST_SECONDS):
        return CliRunner().invoke(cli, [str(a) for a in arguments], stdin, prog_name="shardplan")


def fault_of(result: Result) -> str:
    """What no input may bring about; empty where all is well."""
    if "internal error" in result.stderr or "Traceback" in result.stderr:
        return "internal error"
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return f"raised {result.exception!r}"
    if result.exit_code not in _DOCUMENTED:
        return f"exit code {result.exit_code}"
    if result.exit_code == ExitCode.INVALID_INPUT and not result.stderr.strip():
        return "refused without a word"
    for stream in (result.stdout, result.stderr):
        if printable(stream) != stream:
            return "steers a terminal"
    if len(result.stderr) > 100_000:
        return "a message without end"
    return ""
