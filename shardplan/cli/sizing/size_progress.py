"""How a sizing goes, on stderr while it runs."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shardplan.cli.output import retell, tell
from shardplan.size.search.size_reporter import SizeReporter
from shardplan.units import format_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


_LINE_EVERY_SECONDS = 10.0
_STAGES = {"rough": "greedy plans and their bounds", "full": "solves in full"}


class LineSizeReporter(SizeReporter):
    """A line now and then; each takes the place of the one before where ``every_seconds`` is 0."""

    def __init__(
        self,
        write: Callable[[str], None],
        every_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write, self._every_seconds, self._clock = write, every_seconds, clock
        self._started = clock()
        self._next = self._started + every_seconds
        self._candidates = 0

    def stage(self, name: str, candidates: int) -> None:
        """Say it where each line takes the place of the one before."""
        self._candidates = candidates
        self._say(f"{candidates:,} candidates: {name}")

    def left(self, stage: str, undecided: int, front: Sequence[int]) -> None:
        """Say it when a line is due."""
        doing = _STAGES.get(stage, stage)
        self._say(
            f"{undecided:,} of {self._candidates:,} candidates undecided, "
            f"{len(front):,} on the front so far: {doing}"
        )

    def _say(self, line: str) -> None:
        now = self._clock()
        if now >= self._next:
            self._next = now + self._every_seconds
            self._write(f"{format_seconds(now - self._started)}: {line}")


@contextmanager
def size_progress(quiet: bool) -> Iterator[SizeReporter]:
    """A reporter: one line that changes on a terminal, one every ten seconds elsewhere."""
    if quiet:
        yield SizeReporter()
    elif sys.stderr.isatty():
        try:
            yield LineSizeReporter(retell, 0.0)
        finally:
            tell("")
    else:
        yield LineSizeReporter(tell, _LINE_EVERY_SECONDS)
