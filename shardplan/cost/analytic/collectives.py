"""Seconds of a collective on a topology, through the curves of a profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.cost.exchange import Exchange
from shardplan.cost.profile.curves import Line
from shardplan.topology.collective import Collective

if TYPE_CHECKING:
    from shardplan.cost.profile.curves import Curve
    from shardplan.cost.profile.profile import Profile
    from shardplan.topology.collective import Scope
    from shardplan.topology.level import Level, LevelName
    from shardplan.topology.topology import Topology


@dataclass(frozen=True, slots=True)
class Collectives:
    """Predicts collectives; sizes are the buffer of one device, as ``Collective`` defines it.

    The levels of a collective run at once, so that it ends when its slowest level ends::

        scale_up  = curve(as many bytes moved per device), its part beyond the latency scaled by
                    measured machine's link / this topology's bottleneck
        scale_out = latency + latency per node * nodes + bytes * share / (rate * efficiency)

    An all-to-all sends to each device directly. The others go within the domain, then across: the
    bytes are pipelined, so that the slower level decides, yet the first of them cross only after
    the scale-up level's latency. Levels and shares: Mudigere et al. 2021, arXiv 2104.05158, and
    NVIDIA's rule that an all-to-all is bound by each device's own NIC (NVIDIA/nccl-tests, issue
    130).
    """

    topology: Topology
    profile: Profile

    def seconds(self, collective: Collective, scope: Scope, size_bytes: float) -> float:
        """Seconds of one collective with this buffer; 0 where nobody takes part but the device."""
        return self.line(collective, scope, size_bytes).seconds(size_bytes)

    def line(self, collective: Collective, scope: Scope, at_bytes: float) -> Line:
        """The line that touches the slowest level's time at this size.

        Slope and constant are never negative; both are 0 where no bytes move.
        """
        return self._slowest(collective, scope, at_bytes)[1]

    def average(self, collective: Collective, scope: Scope, at_bytes: float) -> Line:
        """The line through the origin and the time at this size: start-up paid in proportion."""
        line = self.line(collective, scope, at_bytes)
        if at_bytes <= 0:
            return Line(0.0, line.seconds_per_byte)
        return Line(0.0, line.seconds(at_bytes) / at_bytes)

    def exchange(self, collective: Collective, scope: Scope, at_bytes: float) -> Exchange:
        """With the level that is slowest at this size."""
        return Exchange(collective, scope, self._slowest(collective, scope, at_bytes)[0])

    def _slowest(
        self, collective: Collective, scope: Scope, at_bytes: float
    ) -> tuple[LevelName | None, Line]:
        """The level that takes longest, and its line; no level where no bytes move."""
        lines: list[tuple[LevelName | None, Line]] = []
        start_seconds = 0.0
        for level in self.topology.route(collective, scope):
            if level.name == "scale_up":
                lines.append((level.name, self._scale_up_line(collective, level, at_bytes)))
                if collective is not Collective.ALL_TO_ALL:
                    start_seconds = self._scale_up_curve(collective, level)[1].latency_seconds
            else:
                lines.append((level.name, self._scale_out_line(level, start_seconds)))
        nothing = None, Line(0.0, 0.0)
        return max(lines, key=lambda found: found[1].seconds(at_bytes), default=nothing)

    def _scale_out_line(self, level: Level, start_seconds: float) -> Line:
        """Through the NICs, ``start_seconds`` after the start."""
        scale_out = self.profile.scale_out.on(self.topology.nic_traits)
        rate = level.bytes_per_second * scale_out.efficiency
        start_seconds += scale_out.start_seconds(self.topology.nodes)
        return Line(start_seconds, level.bytes_share / rate)

    def _scale_up_curve(self, collective: Collective, level: Level) -> tuple[int, Curve]:
        return self.profile.scale_up.curve(collective, level.ranks)

    def _scale_up_line(self, collective: Collective, level: Level, at_bytes: float) -> Line:
        """The tangent of the measured curve, carried over to this level.

        The curve is read at the buffer that moved as many bytes per device when it was measured.
        """
        ranks, curve = self._scale_up_curve(collective, level)
        as_measured = level.bytes_share / bytes_share(collective, ranks)
        slower = self.profile.scale_up.link_bytes_per_second / level.bytes_per_second
        equal_bytes = at_bytes * as_measured
        latency = curve.latency_seconds
        seconds = latency + (curve.seconds(equal_bytes) - latency) * slower
        slope = curve.tangent(equal_bytes).seconds_per_byte * as_measured * slower
        if at_bytes > 0:
            slope = min(slope, seconds / at_bytes)
        return Line(max(0.0, seconds - slope * at_bytes), slope)


def bytes_share(collective: Collective, ranks: int) -> float:
    """Bytes that a device moves per byte of its buffer, among ``ranks`` equal devices.

    ``(n - 1) / n`` of the buffer, twice for an all-reduce: the factors of nccl-tests' "bus
    bandwidth" (NVIDIA/nccl-tests, doc/PERFORMANCE.md).
    """
    share = (ranks - 1) / ranks
    return 2 * share if collective is Collective.ALL_REDUCE else share
