"""Searches in processes of their own, beside that of a solve.

Python's loops hold its lock, so that threads would take turns. The processes are neither forked,
which is not safe beside the threads of a training job, nor those of ``multiprocessing``, which a
daemon may not have and which run the caller's main module again: each is a fresh interpreter that
is sent the problem. It starts in parallel, and only once there is a first placement.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from shardplan.solve.portfolio.company import Company
from shardplan.solve.portfolio.side_search import Found, PassEnded, SideSearch

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from shardplan.solve.search.record import Record
    from shardplan.solve.search.search_params import SearchParams

RUN = "from shardplan.solve.portfolio.side_process import main; main()"
"""What such a process runs."""
_POLL_SECONDS = 0.05
"""How often it is asked whether to go on while a search is waited for."""


class SideSearches(Company):
    """Hears of what they find at fixed points alone, so that a solve repeats.

    At the end of the restarts of a pass it waits until each is as far, and offers the best of each
    to the record in their order. Once the clock or the user ends the solve, it takes what is there.
    A process that fails, or is killed, is done without.
    """

    def __init__(self, record: Record, search: SearchParams, count: int) -> None:
        self._record = record
        self._searches: list[_Process] = []
        for number in range(1, count + 1):
            with suppress(OSError):  # No room for one more process.
                self._searches.append(_Process(SideSearch.of(record, search, number)))

    def searched(self, number: int) -> None:
        """Wait for the same pass of all, and take the best of each."""
        for search in self._searches:
            search.read(until=number, waits_no_more=self._record.should_stop)
            self._offer(search)

    def stopped(self) -> None:
        """Take what there is by now."""
        for search in self._searches:
            search.read(until=None, waits_no_more=lambda: True)
            self._offer(search)

    def _offer(self, search: _Process) -> None:
        if search.best is not None:
            self._record.offer(search.best.placement, search.best.method)
            search.best = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all of them."""
        for search in self._searches:
            search.kill()
        for search in self._searches:
            search.join()


class _Process:
    """One of them, and what of its findings was not taken yet."""

    def __init__(self, job: SideSearch) -> None:
        self.best: Found | None = None
        self._passes = -1
        self._heard: SimpleQueue[Found | PassEnded | None] = SimpleQueue()
        self._has_ended = False
        # What this process imports from is what it imports from; Ctrl-C it hears of from here.
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", RUN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        self._thread = threading.Thread(target=self._converse, args=(job,), daemon=True)
        self._thread.start()

    def read(self, until: int | None, waits_no_more: Callable[[], bool]) -> None:
        """Hear what it has found by the end of a pass, or all that there is by now."""
        while not self._has_ended and (until is None or self._passes < until):
            try:
                said = self._heard.get_nowait()
            except Empty:
                if waits_no_more():
                    return
                with suppress(Empty):
                    self._take(self._heard.get(timeout=_POLL_SECONDS))
                continue
            self._take(said)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def join(self) -> None:
        """Wait until nothing of it is left."""
        self._process.wait()
        self._thread.join()

    def _take(self, said: Found | PassEnded | None) -> None:
        if isinstance(said, Found):
            self.best = said
        elif isinstance(said, PassEnded):
            self._passes = said.number
        else:
            self._has_ended = True

    def _converse(self, job: SideSearch) -> None:
        """Send the job and hear the answers, in a thread: neither is waited for elsewhere.

        What cannot be sent, such as moves that are defined in a main module, ends the process.
        """
        given, said = self._process.stdin, self._process.stdout
        assert given is not None
        assert said is not None
        try:
            pickle.dump(job, given, protocol=pickle.HIGHEST_PROTOCOL)
            given.flush()
            while True:
                self._heard.put(pickle.load(said))
        except Exception:
            self._process.kill()
        finally:
            self._heard.put(None)
            said.close()
            with suppress(OSError):
                given.close()
