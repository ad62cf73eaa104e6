"""Candidates side by side, each in a process of its own.

The processes are fresh interpreters, as those of ``solve/portfolio/side_searches.py``, and stay for
further candidates. Ctrl-C they hear of from here alone: they are ended, and their candidates stay
open.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from shardplan.errors import ShardplanError
from shardplan.size.crew.crew import Crew

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from shardplan.size.crew.job import Job, Result

_RUN = "from shardplan.size.crew.worker import main; main()"
_POLL_SECONDS = 0.05


class Processes(Crew):
    """So many of them; begun when they are needed."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._answers: SimpleQueue[tuple[int, int, Result | None]] = SimpleQueue()
        self._workers: dict[int, _Worker] = {}

    def results(
        self, jobs: Sequence[Job], should_stop: Callable[[], bool]
    ) -> Iterator[tuple[int, Result]]:
        """As they come. Raises ShardplanError where a process was killed from outside."""
        waiting, running = deque(enumerate(jobs)), 0
        for worker in range(min(self._count, len(jobs))):
            self._start(worker)
            self._workers[worker].send(*waiting.popleft())
            running += 1
        while running:
            if should_stop():
                self._end()
                return
            try:
                worker, number, result = self._answers.get(timeout=_POLL_SECONDS)
            except Empty:
                continue
            if result is None:
                raise ShardplanError("a process that planned a candidate has died: no memory?")
            running -= 1
            if waiting:
                self._workers[worker].send(*waiting.popleft())
                running += 1
            yield number, result

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all of them."""
        self._end()

    def _start(self, worker: int) -> None:
        if worker not in self._workers:
            self._workers[worker] = _Worker(worker, self._answers)

    def _end(self) -> None:
        for worker in self._workers.values():
            worker.end()
        self._workers.clear()
        self._answers = SimpleQueue()


class _Worker:
    """One process."""

    def __init__(self, number: int, answers: SimpleQueue[tuple[int, int, Result | None]]) -> None:
        self._number, self._answers = number, answers
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _RUN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        self._jobs: SimpleQueue[tuple[int, Job] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._converse, daemon=True)
        self._thread.start()

    def send(self, number: int, job: Job) -> None:
        """Let it solve one more; it has none before."""
        self._jobs.put((number, job))

    def end(self) -> None:
        """At once."""
        self._process.kill()
        self._jobs.put(None)
        self._process.wait()
        self._thread.join()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with suppress(OSError):
                stream.close()

    def _converse(self) -> None:
        given, said = self._process.stdin, self._process.stdout
        assert given is not None
        assert said is not None
        while (asked := self._jobs.get()) is not None:
            number, job = asked
            try:
                pickle.dump(job, given, protocol=pickle.HIGHEST_PROTOCOL)
                given.flush()
                self._answers.put((self._number, number, pickle.load(said)))
            except Exception:  # What cannot be sent, or a process that is gone.
                self._answers.put((self._number, number, None))
                return
