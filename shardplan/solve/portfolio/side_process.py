"""The process of one search beside that of a solve: a problem on stdin, findings on stdout."""

from __future__ import annotations

import os
import pickle
import sys
import threading
from typing import TYPE_CHECKING, BinaryIO

from shardplan.solve.budget import Budget
from shardplan.solve.deadline import Deadline
from shardplan.solve.portfolio.company import Company
from shardplan.solve.portfolio.portfolio import search_beside
from shardplan.solve.portfolio.side_search import Found, PassEnded, SideSearch
from shardplan.solve.reporter import Reporter
from shardplan.solve.search.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.solve.outcome import Outcome


def main() -> None:
    """Search until the time is over, the gap is met, or the process that asked is gone."""
    said = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Of whatever prints.
    given = sys.stdin.buffer
    job: SideSearch = pickle.load(given)
    threading.Thread(target=_end_with, args=(given,), daemon=True).start()
    search(job, said)


def search(job: SideSearch, said: BinaryIO) -> None:
    """Go through the restarts of pass after pass, and say what is found."""
    budget = Budget(
        Deadline.after(job.seconds_left),
        job.gap,
        job.node_limit,
        job.seed,
        most_effort=job.most_effort,
        is_repeatable=job.most_effort < float("inf"),
    )
    voice = _Voice(said)
    record = Record(job.problem, budget, Reporter())
    record.relaxation, record.branches = job.relaxation, job.branches
    record.enough_seconds = job.enough_seconds
    record.prove(job.lower_bound, job.bound)
    if job.placement is not None:
        record.offer(job.placement, "start")
    record.reporter = _Telling(voice)
    search_beside(record, job.search, voice)


class _Voice(Company):
    """Writes what is found, and how far it is."""

    def __init__(self, said: BinaryIO) -> None:
        self._said = said

    def say(self, message: Found | PassEnded) -> None:
        pickle.dump(message, self._said, protocol=pickle.HIGHEST_PROTOCOL)
        self._said.flush()

    def searched(self, number: int) -> None:
        self.say(PassEnded(number))


class _Telling(Reporter):
    """Says each better placement."""

    def __init__(self, voice: _Voice) -> None:
        self._voice = voice

    def found(self, outcome: Callable[[], Outcome]) -> None:
        found = outcome()
        if found.placement is not None:
            self._voice.say(Found(found.placement, found.method))


def _end_with(given: BinaryIO) -> None:
    """End at once when the other end of stdin is closed: whoever asked is gone, however it went."""
    given.read()
    os._exit(0)
