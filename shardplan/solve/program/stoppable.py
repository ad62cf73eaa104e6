"""A run of HiGHS that can be stopped: by the clock, by Ctrl-C, by whoever watches."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from highspy import cb

if TYPE_CHECKING:
    from shardplan.solve.program.answer import Limits, Watch

_POLL_SECONDS = 0.02
"""How often those who wait are asked whether to go on."""
_STOPPING_SECONDS = 1.0
"""How long to wait for HiGHS to notice, where an exception must not be held up any longer."""
_INTERRUPTIBLE = (
    cb.HighsCallbackType.kCallbackSimplexInterrupt,
    cb.HighsCallbackType.kCallbackIpmInterrupt,
    cb.HighsCallbackType.kCallbackMipInterrupt,
)


def run_stoppably(solver: Any, limits: Limits, watch: Watch) -> None:
    """Run a loaded solver to its end, or until limits or watch say stop.

    HiGHS runs in a thread of its own, since it keeps a thread until it is done and Python hears of
    signals in the main thread alone. The watch is called from the caller's thread.

    Raises what the watch raises, and what handlers of signals raise: KeyboardInterrupt.
    """
    listener, is_done = _Listener(), threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            solver.run()
        except BaseException as error:
            failures.append(error)
        finally:
            is_done.set()

    solver.setCallback(listener.hear, None)
    for kind in _INTERRUPTIBLE:
        solver.startCallback(kind)
    thread = threading.Thread(target=run, name="highs", daemon=True)
    thread.start()
    try:
        while not is_done.wait(_POLL_SECONDS):
            watch.on_progress(*listener.standing)
            if limits.until.is_called_off() or watch.should_stop():
                listener.must_stop = True
    finally:
        listener.must_stop = True
        thread.join(_STOPPING_SECONDS)
    if failures:
        raise failures[0]


class _Listener:
    """What HiGHS tells, and is told; it knows no solver, which would keep that alive for ever."""

    def __init__(self) -> None:
        self.must_stop = False
        self.standing = float("inf"), float("-inf")
        """The best objective and the bound."""

    def hear(self, kind: Any, message: str, seen: Any, told: Any, data: Any) -> None:
        """Called some 250 times a second in a tree, and in each iteration of a simplex."""
        if kind == cb.HighsCallbackType.kCallbackMipInterrupt:
            self.standing = seen.mip_primal_bound, seen.mip_dual_bound
        if self.must_stop:
            told.user_interrupt = True
