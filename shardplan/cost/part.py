"""What of a step a phase belongs to."""

from __future__ import annotations

from enum import StrEnum


class Part(StrEnum):
    """What of a step a phase belongs to."""

    TABLES = "tables"
    """Memory: rows read, pooled, updated, brought into caches."""
    NETWORK = "network"
    """Collectives."""
    DENSE = "dense"
    """The rest of the model."""
    FRAMEWORK = "framework"
    """What the runtime spends beside the work itself."""
    INPUT = "input"
    """Batches on their way to the devices."""
