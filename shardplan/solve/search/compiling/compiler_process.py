"""A process that compiles loops beside a solve, and keeps them where the solve will read them."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

RUN = "from shardplan.solve.search.compiling.compile_and_keep import main; main()"
"""What such a process runs, of a module's name and the seconds that it may take."""
CUT_OFF_CODE = 75
"""How it ends when these are over."""
_POLL_SECONDS = 0.05
"""How often it is asked whether to go on while it is waited for."""


class CompilerProcess:
    """Ends by itself once the module is compiled, its time is over, or this process is gone.

    A fresh interpreter, as ``SideSearches`` has them: neither is it forked, nor does it run the
    caller's main module again.
    """

    def __init__(self, module: str, seconds: float) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        # What this process imports from is what it imports from; Ctrl-C is for this one alone.
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        with suppress(OSError):  # No room for one more process.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", RUN, module, str(seconds)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
            atexit.register(self.end)

    @property
    def is_running(self) -> bool:
        """Whether it is at work."""
        return self._process is not None and self._process.poll() is None

    @property
    def was_cut_off(self) -> bool:
        """Whether its time was over before it had come to its end."""
        return self._process is not None and self._process.poll() == CUT_OFF_CODE

    def wait(self, waits_no_more: Callable[[], bool]) -> None:
        """Until it has ended, or nobody waits any more."""
        while self._process is not None and self.is_running and not waits_no_more():
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_POLL_SECONDS)

    def end(self) -> None:
        """At once."""
        atexit.unregister(self.end)
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
