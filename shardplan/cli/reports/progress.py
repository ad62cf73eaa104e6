"""How a solve goes, on stderr while it runs."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.cli.output import tell
from shardplan.explain.words import words
from shardplan.printable import printable_line
from shardplan.solve.reporter import Reporter
from shardplan.units import format_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.text import Text

_LINE_EVERY_SECONDS = 10.0
_FRAMES_PER_SECOND = 8
_QUIET_SECONDS = 1.0


@dataclass(slots=True)
class Standing:
    """The best objective and bound so far."""

    stage: str = ""
    best_seconds: float | None = None
    bound_seconds: float | None = None

    def line(self, elapsed_seconds: float) -> str:
        """``12s  bound 5.91 ms  best 6.68 ms  gap 11.5%``."""
        parts = [f"{elapsed_seconds:.0f}s"]
        if self.bound_seconds is not None:
            parts.append(f"bound {format_seconds(self.bound_seconds)}")
        if self.best_seconds is not None:
            parts.append(f"best {format_seconds(self.best_seconds)}")
        if self.best_seconds is not None and self.bound_seconds:
            gap = (self.best_seconds - self.bound_seconds) / self.bound_seconds
            parts.append(f"gap {words.gap(gap) if gap > 1 else words.percent(max(0.0, gap))}")
        return "  ".join(parts)


class TellingReporter(Reporter):
    """One that can also be given a line to show; this one shows nothing."""

    def say(self, line: str) -> None:
        """Show a line above what changes; one that follows soon may take its place."""

    def warn(self, line: str) -> None:
        """Show a line that nothing takes the place of."""


class StandingReporter(TellingReporter):
    """Keeps the standing; the clock counts seconds from the reporter's making.

    Lines of the first second wait: a solve that ends within it has nothing to say but its end.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self._waiting = ""
        self.standing = Standing()

    @property
    def elapsed_seconds(self) -> float:
        """Since the start."""
        return self._clock() - self._started

    def starting(self, stage: str) -> None:
        """Remember what runs."""
        self.standing.stage = stage

    def show(self, line: str) -> None:
        """Put a line where it stays."""

    def say(self, line: str) -> None:
        """Show it, at once or with the next tick after a second."""
        self._waiting = printable_line(line)
        self._show_waiting()

    def warn(self, line: str) -> None:
        """Show it at once."""
        self.show(printable_line(line))

    def ticking(self) -> None:
        """Show what waits."""
        self._show_waiting()

    def _show_waiting(self) -> None:
        if self._waiting and self.elapsed_seconds >= _QUIET_SECONDS:
            self.show(self._waiting)
            self._waiting = ""

    def improved(self, objective_seconds: float, method: str) -> None:
        """Keep the smallest objective."""
        best = self.standing.best_seconds
        self.standing.best_seconds = (
            objective_seconds if best is None else min(best, objective_seconds)
        )

    def bounded(self, lower_bound_seconds: float, method: str) -> None:
        """Keep the largest bound."""
        bound = self.standing.bound_seconds
        self.standing.bound_seconds = (
            lower_bound_seconds if bound is None else max(bound, lower_bound_seconds)
        )


class LineReporter(StandingReporter):
    """A line every ten seconds, for logs."""

    def __init__(
        self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(clock)
        self._write = write
        self._next_seconds = _LINE_EVERY_SECONDS

    def show(self, line: str) -> None:
        """Write it, which makes another one less urgent."""
        self._next_seconds = self.elapsed_seconds + _LINE_EVERY_SECONDS
        self._write(line)

    def ticking(self) -> None:
        """Write a line when one is due."""
        super().ticking()
        elapsed = self.elapsed_seconds
        if elapsed >= self._next_seconds:
            self._next_seconds = elapsed + _LINE_EVERY_SECONDS
            self._write(self.standing.line(elapsed))


@contextmanager
def progress(quiet: bool) -> Iterator[TellingReporter]:
    """A reporter: one line that changes on a terminal, one every ten seconds elsewhere."""
    if quiet:
        yield TellingReporter()
    elif sys.stderr.isatty():
        with _live() as reporter:
            yield reporter
    else:
        yield LineReporter(tell)


@contextmanager
def _live() -> Iterator[TellingReporter]:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    class LiveReporter(StandingReporter):
        def show(self, line: str) -> None:
            console.print(Text(line))

    reporter = LiveReporter()

    def picture() -> Text:
        line = reporter.standing.line(reporter.elapsed_seconds)
        return Text(f"{line}  {reporter.standing.stage}", "dim", no_wrap=True, overflow="ellipsis")

    console = Console(stderr=True, highlight=False)
    with Live(
        get_renderable=picture,
        console=console,
        refresh_per_second=_FRAMES_PER_SECOND,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ):
        yield reporter
