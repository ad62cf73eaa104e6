"""Discrete events: what happens when, one after the other."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.simulation.arrivals import Arrivals
    from shardplan.simulation.system import System

_DONE, _LOOK = 0, 1


@dataclass(frozen=True, eq=False, slots=True)
class Run:
    """What became of all queries."""

    arrivals: Arrivals
    finished_seconds: NDArray[np.float64]
    """(N,): when the last part of each query was done."""
    busy_seconds: float
    """Of all workers together."""
    batches: int
    batched_queries: int
    """Queries, or parts of them, in all batches together."""

    @property
    def latency_seconds(self) -> NDArray[np.float64]:
        """(N,): from arrival to answer."""
        taken: NDArray[np.float64] = self.finished_seconds - self.arrivals.seconds
        return taken


class _Replica:
    """A queue, and workers that are free or not."""

    def __init__(self, workers: int) -> None:
        self.free = workers
        self.waiting: deque[tuple[int, int, float]] = deque()
        """Query, candidates and arrival of each part, the first to come in front."""
        self.samples = 0
        """Candidates of all that waits."""
        self.looks_at = -1.0
        """When it is to look again for a batch that was not full."""


def run(system: System, arrivals: Arrivals, seed: int) -> Run:
    """Serve all queries; the same for the same ``seed``."""
    return _Events(system, arrivals, seed).run()


class _Events:
    """The state between two events."""

    def __init__(self, system: System, arrivals: Arrivals, seed: int) -> None:
        self.system, self.arrivals = system, arrivals
        rng = np.random.default_rng([seed, 1])
        count = len(arrivals.seconds)
        self.parts = [system.parts_of(size) for size in arrivals.candidates.tolist()]
        self.left = [len(each) for each in self.parts]
        self.places = rng.integers(system.replicas, size=count).tolist()
        self.factors = self._drawn_factors(rng, sum(self.left))
        self.replicas = [_Replica(system.workers) for _ in range(system.replicas)]
        self.finished = np.zeros(count)
        self.heap: list[tuple[float, int, int, int, list[int]]] = []
        """Time, a running number, what, replica, and the queries of a batch that is done."""
        self.number = 0
        self.busy_seconds, self.batches, self.batched = 0.0, 0, 0
        self.seconds_of: dict[tuple[int, int], float] = {}

    def _drawn_factors(self, rng: np.random.Generator, most: int) -> list[float] | None:
        sigma = self.system.sigma
        if sigma == 0:
            return None
        drawn: list[float] = rng.lognormal(-sigma * sigma / 2, sigma, most).tolist()
        return drawn

    def run(self) -> Run:
        """All events until the last query is answered."""
        heap = self.heap
        for query, now in enumerate(self.arrivals.seconds.tolist()):
            while heap and heap[0][0] <= now:
                self._happen(*heapq.heappop(heap))
            place = self.places[query]
            replica = self.replicas[place]
            for size in self.parts[query]:
                replica.waiting.append((query, size, now))
                replica.samples += size
            self._begin(place, now)
        while heap:
            self._happen(*heapq.heappop(heap))
        return Run(self.arrivals, self.finished, self.busy_seconds, self.batches, self.batched)

    def _happen(self, now: float, number: int, what: int, place: int, queries: list[int]) -> None:
        if what == _DONE:
            self.replicas[place].free += 1
            for query in queries:
                self.left[query] -= 1
                if not self.left[query]:
                    self.finished[query] = now
        self._begin(place, now)

    def _begin(self, place: int, now: float) -> None:
        """Give free workers what waits."""
        replica = self.replicas[place]
        while replica.free and replica.waiting:
            if not self._is_due(replica, now):
                self._look_again(place, replica.waiting[0][2] + self.system.max_delay_seconds)
                return
            batch, candidates = self._taken(replica)
            self._serve(place, now, batch, candidates)

    def _is_due(self, replica: _Replica, now: float) -> bool:
        """Whether a batch is full, or its first query has waited long enough."""
        most = self.system.max_samples
        if most is None or replica.samples >= most:
            return True
        return now >= replica.waiting[0][2] + self.system.max_delay_seconds

    def _look_again(self, place: int, at: float) -> None:
        if self.replicas[place].looks_at != at:
            self.replicas[place].looks_at = at
            self._push(at, _LOOK, place, [])

    def _taken(self, replica: _Replica) -> tuple[list[int], int]:
        """The next batch: whole parts in their order, at least one."""
        query, candidates, _ = replica.waiting.popleft()
        batch = [query]
        most = self.system.max_samples
        if most is not None:
            while replica.waiting and candidates + replica.waiting[0][1] <= most:
                query, size, _ = replica.waiting.popleft()
                batch.append(query)
                candidates += size
        replica.samples -= candidates
        return batch, candidates

    def _serve(self, place: int, now: float, batch: list[int], candidates: int) -> None:
        key = (len(batch), candidates)
        seconds = self.seconds_of.get(key)
        if seconds is None:
            seconds = self.seconds_of[key] = self.system.service_seconds(*key)
        if self.factors is not None:
            seconds *= self.factors[self.batches]
        self.replicas[place].free -= 1
        self.batches += 1
        self.batched += len(batch)
        self.busy_seconds += seconds
        self._push(now + seconds, _DONE, place, batch)

    def _push(self, at: float, what: int, place: int, queries: list[int]) -> None:
        self.number += 1
        heapq.heappush(self.heap, (at, self.number, what, place, queries))
