"""A text file that grows by whole lines while its job may be killed at any moment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.spec.text.document import MAX_BYTES, decode

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class GrowingFile:
    """Lines are appended, and what a killed job wrote of one is cut off before it goes on."""

    path: Path

    def append(self, text: str) -> None:
        """Write lines behind those that are there. Raises InputError, as where the disk is full."""
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise self._fault("write", error) from None

    def whole_lines(self) -> str:
        """The text up to the last line feed: half a number looks like a whole one.

        Raises InputError where the file cannot be read, or is no text.
        """
        data = self._data()
        return decode(data[: _whole(data)], str(self.path))

    def cut_half_line(self) -> bool:
        """Cut off what no line feed ends; whether there was any. Raises InputError."""
        data = self._data()
        if (whole := _whole(data)) == len(data):
            return False
        try:
            os.truncate(self.path, whole)
        except OSError as error:
            raise self._fault("write", error) from None
        return True

    def _data(self) -> bytes:
        try:
            with self.path.open("rb") as stream:
                return stream.read(MAX_BYTES + 1)
        except OSError as error:
            raise self._fault("read the file", error) from None

    def _fault(self, what: str, error: OSError) -> InputError:
        code = what.partition(" ")[0].replace("read", "file")
        message = f"cannot {what}: {error.strerror}"
        return InputError([Diagnostic(str(self.path), 0, 0, "", message, code=code)])


def _whole(data: bytes) -> int:
    """How many bytes are of whole lines; all of what is too long to be read."""
    return len(data) if len(data) > MAX_BYTES else data.rfind(b"\n") + 1
