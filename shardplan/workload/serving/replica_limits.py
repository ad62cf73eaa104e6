"""How many copies of the model there may be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReplicaLimits:
    """A replica is all that holds one full copy of the model and serves it."""

    most: int
    spare: int = 0
    """That may fail with the latency limits still kept: n + spare replicas are planned."""
    workers: int = 1
    """Batches that a replica serves at a time, each as if it were alone."""
    busy_at_most: float = 1.0
    """Share of the time that workers may be busy at the peak."""
