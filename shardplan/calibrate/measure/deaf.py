"""Processes that do what they are told, and leave it to who tells them when that ends."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def deaf_from_birth() -> Iterator[None]:
    """Processes that are begun inside never hear of Ctrl-C, nor that they are asked to end.

    A terminal tells it to all of a job, and a scheduler too: a process that hears of it while it
    loads would end with a traceback, and the job with it. This process hears of it all the same.
    """
    resource_tracker.ensure_running()  # That would let the signals through when it begins.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
