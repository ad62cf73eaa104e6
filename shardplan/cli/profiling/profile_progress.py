"""How a profile goes: a line on a terminal that is written over."""

from __future__ import annotations

import sys
import time

from shardplan.cli.output import retell
from shardplan.profile.reporter import ProfileReporter
from shardplan.units import format_bytes, format_seconds

_EVERY_SECONDS = 0.2


class ProfileProgress(ProfileReporter):
    """Bytes of files, then tables, and the time left."""

    def __init__(self, *, is_quiet: bool) -> None:
        self._shows = not is_quiet and sys.stderr.isatty()
        self._reading, self._counting = _Stage(), _Stage()
        self._said = 0.0

    def reading(self, path: str, done_bytes: int, all_bytes: int) -> None:
        """How much of all files is read."""
        amount = f"{format_bytes(done_bytes)} of {format_bytes(all_bytes)}"
        self._tell(amount, self._reading.left(done_bytes, all_bytes), path)

    def counting(self, table: str, done: int, tables: int) -> None:
        """Which of the tables is counted."""
        amount = f"table {done + 1:,} of {tables:,}"
        self._tell(amount, self._counting.left(done, tables), table)

    def end(self) -> None:
        """Clear the line."""
        if self._shows and self._said:
            retell("")

    def _tell(self, amount: str, left: str, what: str) -> None:
        now = time.monotonic()
        if self._shows and now - self._said >= _EVERY_SECONDS:
            self._said = now
            retell(f"{amount}{left}: {what}")


class _Stage:
    """When it began, and what is left of it at the pace so far."""

    def __init__(self) -> None:
        self._began: float | None = None

    def left(self, done: int, all_: int) -> str:
        """Words of it, none before anything is done."""
        now = time.monotonic()
        if self._began is None:
            self._began = now
        return (
            f", {format_seconds((now - self._began) / done * (all_ - done))} left" if done else ""
        )
