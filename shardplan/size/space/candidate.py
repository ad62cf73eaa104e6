"""One of what is compared."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Candidate:
    """A machine in some number of nodes and groups, at some batch; ordered by these."""

    offer: int
    """Its number among the machines of the space."""
    batch: int
    """Samples of one step over all devices."""
    groups: int
    """Of devices that each hold all tables."""
    nodes: int
