"""A job that is a command line."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import stat
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from shardplan.errors import Interrupted
from shardplan.solve.deadline import ENDLESS
from shardplan.tune.job.job import JobFailed, OutOfTime
from shardplan.tune.job.marked_processes import MarkedProcesses

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shardplan.solve.deadline import Deadline

PLAN, MEASURED = "{plan}", "{measured}"
"""What stands for the files in a command."""
_LOOK_EVERY_SECONDS = 0.05
_PATIENCE_SECONDS = 5.0
"""How long a command that is told to end may take for it."""
_LAST_LINES = 12
_LAST_BYTES = 20_000
_LAUNCHER = re.compile(r"[EW]\d{4} .*torch/distributed/elastic/.*")
"""How torchrun begins what it says of processes that ended: by then they have said why."""


@dataclass(slots=True)
class JobCommand:
    """Words with ``{plan}`` and ``{measured}`` in them; no shell reads them."""

    template: tuple[str, ...]
    timeout_seconds: float = float("inf")
    should_stop: Callable[[], bool] = field(default=lambda: False)
    budget: Deadline = ENDLESS
    """When runs are over: one goes on beyond it for no longer than the longest before it took. The
    first is not cut off: without it there would be nothing."""
    _longest_seconds: float = field(default=0.0, init=False, compare=False)

    @classmethod
    def parse(
        cls,
        text: str,
        timeout_seconds: float,
        should_stop: Callable[[], bool] = lambda: False,
        budget: Deadline = ENDLESS,
    ) -> Self:
        """Of one line; raises ValueError where it cannot be read, or lacks a place for a file."""
        template = tuple(shlex.split(text))
        for place in (PLAN, MEASURED):
            if not any(place in word for word in template):
                raise ValueError(f"has no {place}, where the path of that file goes")
        return cls(template, timeout_seconds, should_stop, budget)

    @property
    def missing(self) -> str:
        """The program that there is not; empty where it is found, or named by a file's place."""
        program = self.template[0]
        is_known = any(place in program for place in (PLAN, MEASURED)) or shutil.which(program)
        return "" if is_known else program

    @property
    def words(self) -> str:
        """As it is written."""
        return shlex.join(self.template)

    def run(self, plan: Path, measured: Path, log: Path) -> None:
        """Run it and wait. Raises JobFailed, Interrupted and OutOfTime."""
        places = {PLAN: str(plan), MEASURED: str(measured)}
        command = [_filled(word, places) for word in self.template]
        _clear(measured)
        marked = MarkedProcesses(str(measured.parent.resolve()))
        marked.kill()  # What a tuning that was killed has left running would slow down this run.
        started = time.monotonic()
        with log.open("wb") as said:
            try:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # It hears of Ctrl-C from here alone.
                    env=marked.environment(),
                )
            except OSError as error:
                raise JobFailed(f"{command[0]}: {error.strerror or error}") from None
            try:
                self._wait(process, log)
            finally:
                _end(process)
                marked.kill()
        if process.returncode:
            raise JobFailed(_ending(process.returncode), last_lines(log))
        if not measured.exists():
            raise JobFailed("it ended well but wrote no measured file", last_lines(log))
        if not stat.S_ISREG(measured.stat().st_mode):
            raise JobFailed(f"{measured} is no file", last_lines(log))
        self._longest_seconds = max(self._longest_seconds, time.monotonic() - started)

    def _wait(self, process: subprocess.Popen[bytes], log: Path) -> None:
        started = time.monotonic()
        while process.poll() is None:
            if self.should_stop():
                raise Interrupted("interrupted while a plan was measured")
            elapsed = time.monotonic() - started
            if elapsed > self.timeout_seconds:
                reason = f"it took longer than {self.timeout_seconds:g} s"
                raise JobFailed(reason, last_lines(log))
            if 0 < self._longest_seconds < elapsed and self.budget.is_over:
                raise OutOfTime("the budget was spent while a plan was measured")
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_EVERY_SECONDS)


def last_lines(log: Path) -> tuple[str, ...]:
    """Of what a job said, before its launcher told at length that it had ended."""
    with log.open("rb") as said:
        said.seek(0, os.SEEK_END)
        said.seek(max(0, said.tell() - _LAST_BYTES))
        text = said.read().decode("utf-8", "replace")
    lines = text.splitlines()
    own = next((at for at, line in enumerate(lines) if _LAUNCHER.match(line)), 0)
    return tuple(lines[: own or None][-_LAST_LINES:])


def _filled(word: str, places: dict[str, str]) -> str:
    for place, path in places.items():
        word = word.replace(place, path)
    return word


def _ending(code: int) -> str:
    if code > 0:
        return f"it ended with exit code {code}"
    with suppress(ValueError):
        return f"it was ended by {signal.Signals(-code).name}"
    return f"it was ended by signal {-code}"


def _clear(measured: Path) -> None:
    """Take away what an earlier run wrote, so that it passes for nothing of this one."""
    try:
        measured.unlink(missing_ok=True)
    except OSError as error:
        raise JobFailed(f"{measured}: {error.strerror or error}") from None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Take down what still runs, also of children whose parent has ended: they would slow down
    the next run."""
    if process.poll() is None:
        _signal(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE_SECONDS)
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """To all of its group, if there is anyone."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
