"""Who is told how a profile goes; nothing here prints."""

from __future__ import annotations


class ProfileReporter:
    """Hears of progress; every hook does nothing unless overridden."""

    def reading(self, path: str, done_bytes: int, all_bytes: int) -> None:
        """A file is read, with so many bytes of all files behind it."""

    def counting(self, table: str, done: int, tables: int) -> None:
        """A table is counted, with so many of all tables behind it."""
