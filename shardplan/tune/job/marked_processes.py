"""The processes of a job, known by a mark in their environment, which all that they start bear."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = "SHARDPLAN_TUNING"
_PROCESSES = Path("/proc")


@dataclass(frozen=True, slots=True)
class MarkedProcesses:
    """Those of one mark: also such as have a session of their own, as launchers of training jobs
    give their workers, and such as have outlived who started them."""

    mark: str

    def environment(self) -> dict[str, str]:
        """This process's own, with the mark."""
        return {**os.environ, _NAME: self.mark}

    def kill(self) -> None:
        """All there are; where the system does not tell of environments, none."""
        for number in self._numbers():
            with suppress(OSError):  # It has ended, or is another's.
                handle = os.pidfd_open(number)
                try:
                    if self._bears(number):  # Still the same one, now that it is held.
                        signal.pidfd_send_signal(handle, signal.SIGKILL)
                finally:
                    os.close(handle)

    def _numbers(self) -> Iterator[int]:
        own = os.getpid()
        for path in _PROCESSES.glob("[0-9]*"):
            number = int(path.name)
            if number != own and self._bears(number):
                yield number

    def _bears(self, number: int) -> bool:
        try:
            found = (_PROCESSES / str(number) / "environ").read_bytes()
        except OSError:
            return False
        return os.fsencode(f"{_NAME}={self.mark}") in found.split(b"\0")
