"""What a funnel has to carry, and how fast."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Demand:
    """At the peak."""

    queries_per_second: float
    share: float
    """Of queries that are to be answered in time: 0.99 of a p99."""
    within_seconds: float
    """From arrival to answer, all stages together."""
    arrivals_cv2: float = 1.0
    """Squared coefficient of variation of the gaps between queries; of all stages."""
    busy_at_most: float = 1.0
    """Share of the time that workers of any stage may be busy."""
