"""Ctrl-C or SIGTERM: the first asks to stop with what it has, the second aborts."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shardplan.cli.output import tell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """Whether Ctrl-C was pressed, or the process was asked to end."""

    def __init__(self, words: str) -> None:
        self._words = words
        self._is_requested = False

    def is_requested(self) -> bool:
        """Asked often, by whoever is to stop."""
        return self._is_requested

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal; a third one kills even where Python is not listening."""
        if self._is_requested:
            for each in _SIGNALS:
                signal.signal(each, signal.SIG_DFL)
            raise KeyboardInterrupt
        self._is_requested = True
        tell(f"{self._words}; Ctrl-C again aborts")


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Inside the block SIGTERM is Ctrl-C, so that what is half done goes; for the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def interruptible(words: str = "stopping with the best plan so far") -> Iterator[Interrupt]:
    """Handle the signals inside the block; only the main thread may, others are left alone.

    ``words`` say what is done at the first.
    """
    interrupt = Interrupt(words)
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = [signal.signal(each, interrupt.handle) for each in _SIGNALS]
    try:
        yield interrupt
    finally:
        for each, handler in zip(_SIGNALS, before, strict=True):
            signal.signal(each, handler)
