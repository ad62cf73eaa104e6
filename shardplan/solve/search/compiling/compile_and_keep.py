"""What a ``CompilerProcess`` runs: one at a time on a machine, and not in the way of the search."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from shardplan.solve.search.compiling.compiler_process import CUT_OFF_CODE
from shardplan.solve.search.compiling.in_time import code_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_NICENESS = 5
"""First plans come first; but what is compiled makes all that follows some ten times quicker."""


def main() -> None:
    """Compile the module named by the first argument, for as many seconds as the second says."""
    module, seconds = sys.argv[1], float(sys.argv[2])
    threading.Thread(target=_end_with, args=(sys.stdin.fileno(),), daemon=True).start()
    clock = threading.Timer(min(seconds, threading.TIMEOUT_MAX), os._exit, (CUT_OFF_CODE,))
    clock.daemon = True
    clock.start()
    with suppress(OSError):
        os.nice(_NICENESS)
    with _alone():
        code_of(module).KEPT.compile()


@contextmanager
def _alone() -> Iterator[None]:
    """Wait for others that compile, as side searches and other solves do: they do it for all.

    Where files cannot be locked, they compile side by side, each to the same end.
    """
    with Path(__file__).open("rb") as own:
        with suppress(OSError):
            fcntl.flock(own, fcntl.LOCK_EX)
        yield


def _end_with(given: int) -> None:
    """End at once when the other end of stdin is closed: whoever asked is gone, however it went.

    Read without a buffer, whose lock would be waited for when this process ends by itself.
    """
    os.read(given, 1)
    os._exit(CUT_OFF_CODE)
