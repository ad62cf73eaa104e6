"""How queries arrive."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """Queries of all replicas together, each of one request of one user."""

    queries_per_second: float
    """In the mean."""
    peak: float = 1.0
    """By how much the busiest time has more than the mean; at least 1."""
    arrivals_cv2: float = 1.0
    """Squared coefficient of variation of the gaps between arrivals: 1 of a Poisson process, 0 of
    a clock."""

    @property
    def peak_queries_per_second(self) -> float:
        """What is planned for: a plan for the mean breaks every day at the peak."""
        return self.queries_per_second * self.peak
