"""The process that solves candidates: jobs on stdin, results on stdout."""

from __future__ import annotations

import os
import pickle
import sys
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, BinaryIO

from shardplan.size.crew.job import run

if TYPE_CHECKING:
    from shardplan.size.crew.job import Job


def main() -> None:
    """Solve one job after the other, until the process that asked is gone."""
    said = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Of whatever prints.
    jobs: SimpleQueue[Job] = SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, jobs), daemon=True).start()
    while True:
        pickle.dump(run(jobs.get()), said, protocol=pickle.HIGHEST_PROTOCOL)
        said.flush()


def _read(given: BinaryIO, jobs: SimpleQueue[Job]) -> None:
    """Hear of jobs, and end at once when the other end is closed, however that went."""
    try:
        while True:
            jobs.put(pickle.load(given))
    finally:
        os._exit(0)
