"""What the latency of queries must keep to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LatencyLimit:
    """A limit on one percentile of the latency of whole queries, from arrival to answer."""

    share: float
    """Of queries, that must be answered in time: 0.99 of a p99."""
    seconds: float

    @property
    def name(self) -> str:
        """``p99``, ``p99.9``."""
        hundred = 10 * 10
        return f"p{hundred * self.share:.10g}"
