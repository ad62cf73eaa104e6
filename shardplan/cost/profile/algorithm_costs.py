"""What one algorithm costs in one protocol of a communication library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.cost.algorithms.algorithm import bus_share

if TYPE_CHECKING:
    from shardplan.cost.algorithms.algorithm import Algorithm
    from shardplan.cost.algorithms.group import Group
    from shardplan.topology.collective import Collective


@dataclass(frozen=True, slots=True)
class AlgorithmCosts:
    """Start-ups, and what is left of the NICs' rate."""

    algorithm: Algorithm
    protocol: str
    start_seconds: float
    inside_seconds: float
    """Of each hop inside a domain."""
    across_seconds: float
    """Of each hop from domain to domain."""
    share: float
    """Of the rate that NICs attain."""
    most_bytes_per_second: float | None
    """Of bus bandwidth; None: no more than the share limits it."""

    def start(
        self, collective: Collective, group: Group, hop_seconds: float | None = None
    ) -> float:
        """Seconds before the last device has the first byte; a machine may know its own hops."""
        hops = self.algorithm.hops(collective, group)
        across_seconds = self.across_seconds if hop_seconds is None else hop_seconds
        return self.start_seconds + hops.inside * self.inside_seconds + hops.across * across_seconds

    def across_seconds_per_byte(
        self, collective: Collective, group: Group, bytes_per_second: float
    ) -> float:
        """Per byte of a device's buffer, through NICs that attain this rate for each device."""
        crossing = self.algorithm.across_share(collective, group) / (bytes_per_second * self.share)
        if self.most_bytes_per_second is None:
            return crossing
        return max(crossing, bus_share(collective, group.ranks) / self.most_bytes_per_second)
