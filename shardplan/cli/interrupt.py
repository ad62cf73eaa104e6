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
    """Inside the block Ctrl-C and SIGTERM end the work, so that what is half done goes.

    However a library puts it that it was interrupted, or if it does not let on, what comes out of
    the block is KeyboardInterrupt. For the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ended = _Ended()
    before = {each: signal.getsignal(each) for each in _SIGNALS}
    # A job in the background of a shell is not to hear of Ctrl-C, and has it ignored.
    heard = [each for each in _SIGNALS if before[each] is not signal.SIG_IGN]
    for each in heard:
        signal.signal(each, ended.handle)
    try:
        yield
    except Exception:
        if ended.is_asked:
            raise KeyboardInterrupt from None
        raise
    finally:
        for each in heard:
            signal.signal(each, before[each])
    if ended.is_asked:
        raise KeyboardInterrupt


class _Ended:
    """Whether a signal has asked for the end."""

    def __init__(self) -> None:
        self.is_asked = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        self.is_asked = True
        raise KeyboardInterrupt


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
