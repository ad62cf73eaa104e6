"""What serves the queries of a simulation."""

from __future__ import annotations

import math
from dataclasses import dataclass

Lane = tuple[float, float, float]
"""Seconds of a batch, of each query in it, and of each candidate."""


@dataclass(frozen=True, slots=True)
class System:
    """Replicas that are alike, each with a queue and workers of its own."""

    replicas: int
    """Those that are up. Each query goes to one of them, drawn at random."""
    workers: int
    """Of each replica."""
    parts: tuple[tuple[Lane, ...], ...]
    """Of the service of a batch: one after the other, each as long as its slowest lane."""
    cv: float = 0.0
    """Coefficient of variation of a lognormal factor of each service."""
    split: int | None = None
    """The most candidates of one part of a query; None: queries stay whole."""
    max_samples: int | None = None
    """Candidates of a batch; None: each part of a query is a batch."""
    max_delay_seconds: float = 0.0
    """That a free worker waits for a batch to fill, from the arrival of its first query."""

    def service_seconds(self, queries: int, candidates: int) -> float:
        """Of a batch, but for the random factor."""
        total = 0.0
        for part in self.parts:
            slowest = 0.0
            for batch, query, candidate in part:
                slowest = max(slowest, batch + query * queries + candidate * candidates)
            total += slowest
        return total

    def parts_of(self, candidates: int) -> list[int]:
        """Candidates of each part of a query."""
        if self.split is None or candidates <= self.split:
            return [candidates]
        whole = [self.split] * (candidates // self.split)
        return [*whole, candidates % self.split] if candidates % self.split else whole

    @property
    def sigma(self) -> float:
        """Of the logarithm of the random factor."""
        return math.sqrt(math.log1p(self.cv**2))
