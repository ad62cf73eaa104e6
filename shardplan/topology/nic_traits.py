"""What is known of the NICs of one machine beyond their rate."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NicTraits:
    """How collectives fare on these NICs; None where only the cost model knows."""

    efficiency: float | None = None
    """Share of their rate that collectives attain."""
    latency_seconds: float | None = None
    """Start-up of a collective that crosses them."""
    latency_seconds_per_node: float | None = None
    """What each node that takes part adds to the start-up."""
    hop_seconds: float | None = None
    """Start-up of each hop from domain to domain, where a collective has several in sequence."""
    seconds_per_peer: float | None = None
    """What an all-to-all spends on the message to each device of other domains, besides bytes."""
    switches_reduce: bool = False
    """Whether the network's switches sum what passes them (SHARP)."""
