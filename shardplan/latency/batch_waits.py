"""How long queries wait for the batch in which they are served."""

from __future__ import annotations

from math import ceil, log2, sqrt
from typing import TYPE_CHECKING

import numpy as np

from shardplan.latency.lattice import Lattice
from shardplan.latency.service_mix import ServiceMix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.latency.batch_queue import BatchQueue

LEAST_MASS = 1e-6
"""Shares less than this are left out."""
_STEPS_OF_A_BATCH = 300
_STEPS_OF_A_QUERY = 30


class Waits:
    """Of queries, by how many full batches each waits for, and how many are in its own."""

    def __init__(self, queue: BatchQueue, most_turns: int) -> None:
        self.queue = queue
        self.step = min(
            float(queue.batch_seconds[-1]) / _STEPS_OF_A_BATCH,
            float(queue.batch_seconds[0]) / _STEPS_OF_A_QUERY,
        )
        longest = max(float(queue.seconds_of(size)[-1]) for size in range(1, queue.limit + 1))
        self.rests = ceil(longest / self.step) + 2
        self.masses = np.zeros((most_turns + 2, queue.limit, self.rests))
        """By full batches, queries of the own batch less one, and steps of the rest of the batch
        during which they come."""
        self.slopes = np.zeros((queue.limit, self.rests + 1))
        """Differences of what is even between two points, of those that wait for no full batch."""

    def add(self, count: int, share: float) -> None:
        """Of the queries that come in the batch after which ``count`` wait, or before it begins."""
        queue = self.queue
        if count == 0:  # The next to come is served at once.
            self.masses[0, 0, 0] += share
        taken = min(max(count, 1), queue.limit)
        left = max(count - taken, 0)
        services = queue.seconds_of(taken)
        for seconds in services.tolist():
            arrive = queue.arrivals_per_second * seconds
            others = poisson(arrive, int(arrive + 8 * sqrt(arrive) + 8))
            weights = share * arrive / len(services) * others
            fit = max(0, min(len(others), queue.limit - left))
            self._add_even(left + np.arange(fit), seconds, weights[:fit])
            more = fit + np.flatnonzero(weights[fit:] > LEAST_MASS)
            if len(more):
                self._add_ranked(left, more, seconds, weights[more])

    def _add_even(
        self, batch: NDArray[np.int64], seconds: float, weights: NDArray[np.float64]
    ) -> None:
        """All that come during a batch are served together in the next: one waits for the rest,
        any as likely. ``batch`` is one less than how many they are."""
        end = max(1, round(seconds / self.step))
        self.slopes[batch, 0] += weights / end
        self.slopes[batch, end] -= weights / end

    def _add_ranked(
        self, left: int, others: NDArray[np.int64], seconds: float, weights: NDArray[np.float64]
    ) -> None:
        """More come than the next batch takes: it matters how many of them came before.

        ``others`` come beside a query, with ``weights``; it is any of them, as likely.
        """
        queue = self.queue
        which = np.repeat(np.arange(len(others)), others + 1)
        beside = others[which]
        rank = np.arange(len(which)) - np.repeat(np.cumsum(others + 1) - others - 1, others + 1)
        turns = np.minimum((left + rank) // queue.limit, len(self.masses) - 1)
        after = turns * float(queue.batch_seconds[-1]) * queue.arrivals_per_second
        together = np.minimum(left + beside + 1 - turns * queue.limit + after, queue.limit)
        rest = seconds * (1 - (rank + 1 / 2) / (beside + 1))
        batch = np.rint(together).astype(np.int64) - 1
        at = np.rint(rest / self.step).astype(np.int64)
        flat = np.ravel_multi_index((turns, batch, at), self.masses.shape)
        np.add.at(self.masses.reshape(-1), flat, (weights / (others + 1))[which])

    def latency(self) -> Lattice:
        """Waits and the services after them."""
        self.masses[0] += np.cumsum(self.slopes, axis=1)[:, : self.rests]
        there = self.masses.sum(axis=2) > LEAST_MASS
        turns = int(np.flatnonzero(there.any(axis=1))[-1])
        points = 2 ** ceil(log2(self._reach_seconds(turns) / self.step))
        full = self._service(self.queue.limit - 1, points)
        total = np.zeros(points + 1, dtype=np.complex128)
        for index in np.flatnonzero(there.any(axis=0)).tolist():
            waits = np.zeros(points + 1, dtype=np.complex128)
            for turn in range(turns, -1, -1):
                waits *= full
                if there[turn, index]:
                    waits += np.fft.rfft(self.masses[turn, index], 2 * points)
            total += waits * self._service(index, points)
        masses = np.fft.irfft(total, 2 * points)[:points].clip(min=0.0)
        return Lattice(self.step, masses / masses.sum())

    def _reach_seconds(self, turns: int) -> float:
        """That a lattice needs: the slowest batch, its rest, and ``turns`` full ones."""
        queue = self.queue
        full = float(queue.batch_seconds[-1])
        longest = ServiceMix(queue.batch_seconds[-1:], np.ones(1), float(queue.cv.max()))
        spread = 6 * full * float(queue.cv[-1]) * sqrt(turns)
        return 2 * longest.nearly_longest_seconds + turns * full + spread

    def _service(self, index: int, points: int) -> NDArray[np.complex128]:
        """Of a batch with one more query, transformed."""
        queue = self.queue
        mix = ServiceMix(queue.batch_seconds[index : index + 1], np.ones(1), float(queue.cv[index]))
        moved: NDArray[np.complex128] = np.fft.rfft(
            mix.lattice(self.step, points).masses, 2 * points
        )
        return moved


def poisson(mean: float, count: int) -> NDArray[np.float64]:
    """(count,): the shares of 0, 1, 2 .. arrivals."""
    numbers = np.arange(1, count)
    logs = np.append(0.0, np.cumsum(np.log(mean / numbers))) - mean
    shares: NDArray[np.float64] = np.exp(logs)
    return shares
