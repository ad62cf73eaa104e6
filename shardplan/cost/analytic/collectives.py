"""Seconds of a collective on a topology, through the curves of a profile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from shardplan.cost.algorithms.algorithm import bus_share
from shardplan.cost.algorithms.group import Group
from shardplan.cost.analytic.carried_curve import CarriedCurve
from shardplan.cost.analytic.course import Course
from shardplan.cost.exchange import Exchange
from shardplan.cost.profile.curves import Line
from shardplan.cost.profile.profile import ScaleUp
from shardplan.topology.collective import Collective, Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shardplan.cost.profile.profile import Profile, ScaleOut
    from shardplan.topology.level import Level, LevelName
    from shardplan.topology.measured.machine_curves import MeasuredCurve
    from shardplan.topology.topology import Topology


@dataclass(frozen=True)
class Collectives:
    """Predicts collectives; sizes are the buffer of one device, as ``Collective`` defines it.

    The levels of a collective run at once, so that it ends when its slowest level ends. Inside a
    scale-up domain::

        scale_up = curve(as many bytes moved per device), its part beyond the latency scaled by
                   measured machine's link / this topology's bottleneck

    An all-to-all sends to each device directly, a message each (Mudigere et al. 2021, arXiv
    2104.05158; NVIDIA's rule that it is bound by each device's own NIC: NVIDIA/nccl-tests, issue
    130)::

        scale_out = latency + latency per node * nodes + per peer * peers in other domains
                    + bytes * share / (rate * efficiency)

    The others take the quickest of the algorithms that the machine's switches offer, by size, as
    NCCL chooses (``Course``). Where nothing is known of algorithms, bytes are exchanged within the
    domain, then across: they are pipelined, so that the slower level decides, yet the first of
    them cross only after the scale-up level's latency.

    Where a collective was measured across domains, the curve is believed; among another number of
    domains it is carried over by the ratio of what the above predicts for both (``CarriedCurve``).
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
        """The line through the origin and the time at this size, but for what is spent once.

        Other start-up, inside a scale-up domain or where nothing is known of algorithms, is paid in
        proportion to the bytes.
        """
        line = self.line(collective, scope, at_bytes)
        if at_bytes <= 0:
            return Line(0.0, line.seconds_per_byte)
        seconds = line.seconds(at_bytes) - self.once_seconds(collective, scope, at_bytes)
        return Line(0.0, max(0.0, seconds) / at_bytes)

    def once_seconds(self, collective: Collective, scope: Scope, at_bytes: float) -> float:
        """What a collective across domains spends however few its bytes are: the start-up of its
        algorithm, or of an all-to-all the messages to peers.
        """
        if course := self.course(collective, scope, at_bytes):
            return course.carried * course.start_seconds
        across = self._levels(collective, scope).get("scale_out")
        if collective is not Collective.ALL_TO_ALL or across is None:
            return 0.0
        return self._messages_seconds(across)

    def exchange(self, collective: Collective, scope: Scope, at_bytes: float) -> Exchange:
        """With the level that is slowest at this size."""
        return Exchange(collective, scope, self._slowest(collective, scope, at_bytes)[0])

    def course(self, collective: Collective, scope: Scope, size_bytes: float) -> Course | None:
        """The algorithm that is quickest at this size, of a collective that crosses domains.

        None where it crosses none, or is an all-to-all, or where nothing is known of algorithms.
        """
        levels = self._levels(collective, scope)
        if collective is Collective.ALL_TO_ALL or "scale_out" not in levels:
            return None
        inside = levels["scale_up"].ranks if "scale_up" in levels else 1
        out = levels["scale_out"]
        found = self._best(collective, self._group(inside, out.ranks), levels, size_bytes)
        if found is None or scope is not Scope.ALL:
            return found
        if carried := self._carried(collective):
            ratio = carried.seconds(size_bytes) / found.pipelined_seconds
            return replace(found, carried=ratio)
        return found

    def _carried(self, collective: Collective) -> CarriedCurve | None:
        """What was measured among some domains, here; None where nothing was."""
        if collective not in self._all_carried:
            levels = self._levels(collective, Scope.ALL)
            curve = self._scale_out.curve(collective, levels["scale_out"].ranks)
            carried = self._carry(curve, levels) if curve else None
            self._all_carried[collective] = carried
        return self._all_carried[collective]

    @cached_property
    def _all_carried(self) -> dict[Collective, CarriedCurve | None]:
        return {}

    def _carry(self, curve: MeasuredCurve, levels: Mapping[LevelName, Level]) -> CarriedCurve:
        inside = levels["scale_up"].ranks if "scale_up" in levels else 1
        rate = replace(levels["scale_out"], bytes_per_second=curve.bytes_per_second)
        here = self._group(inside, levels["scale_out"].ranks), levels
        there = (
            self._group(curve.ranks // curve.domains, curve.domains),
            {**levels, "scale_out": rate},
        )

        def predicted(
            where: tuple[Group, Mapping[LevelName, Level]],
        ) -> Callable[[float], float]:
            def seconds(size_bytes: float) -> float:
                course = self._best(curve.collective, *where, size_bytes)
                assert course is not None, "algorithms that are offered here are offered there"
                return course.pipelined_seconds

            return seconds

        return CarriedCurve.of(curve, predicted(here), predicted(there))

    def _levels(self, collective: Collective, scope: Scope) -> Mapping[LevelName, Level]:
        return {level.name: level for level in self.topology.route(collective, scope)}

    def _slowest(
        self, collective: Collective, scope: Scope, at_bytes: float
    ) -> tuple[LevelName | None, Line]:
        """The level that takes longest, and its line; no level where no bytes move."""
        if course := self.course(collective, scope, at_bytes):
            return course.level, course.line
        lines: list[tuple[LevelName | None, Line]] = []
        start_seconds = 0.0
        for level in self._levels(collective, scope).values():
            if level.name == "scale_up":
                line = self._scale_up_line(collective, level, level.bytes_share, at_bytes)
                lines.append((level.name, line))
                if collective is not Collective.ALL_TO_ALL:
                    start_seconds = self._latency_inside(collective, level)
            elif collective is Collective.ALL_TO_ALL:
                lines.append((level.name, self._all_to_all_line(level, scope, at_bytes)))
            else:
                lines.append((level.name, self._scale_out_line(level, start_seconds)))
        nothing = None, Line(0.0, 0.0)
        return max(lines, key=lambda found: found[1].seconds(at_bytes), default=nothing)

    @cached_property
    def _scale_out(self) -> ScaleOut:
        return self.profile.scale_out.on(self.topology)

    @cached_property
    def _own_scale_up(self) -> ScaleUp | None:
        return ScaleUp.of(self.topology.curves.scale_up)

    def _scale_up(self, collective: Collective) -> ScaleUp:
        """Measured on this machine, or on that of the profile."""
        own = self._own_scale_up
        return own if own and own.knows(collective) else self.profile.scale_up

    def _group(self, inside: int, domains: int) -> Group:
        return Group(
            inside, domains, self.topology.switch_reduces, self.topology.nic_traits.switches_reduce
        )

    def _best(
        self,
        collective: Collective,
        group: Group,
        levels: Mapping[LevelName, Level],
        size_bytes: float,
    ) -> Course | None:
        """The quickest algorithm for a group, with the rates of these levels."""
        scale_out = self._scale_out
        rate = levels["scale_out"].bytes_per_second * scale_out.efficiency
        offered = [
            Course(
                costs,
                size_bytes,
                costs.start(collective, group, scale_out.hop_seconds),
                costs.across_seconds_per_byte(collective, group, rate),
                self._inside(costs.algorithm.inside_as(collective), levels, size_bytes),
            )
            for costs in scale_out.algorithms
            if collective in costs.algorithm.collectives and costs.algorithm.is_offered(group)
        ]
        return min(offered, key=lambda course: course.pipelined_seconds, default=None)

    def _inside(
        self,
        collectives: tuple[Collective, ...],
        levels: Mapping[LevelName, Level],
        size_bytes: float,
    ) -> Line:
        """What the domain's part takes beyond its start-up, one collective after the other."""
        level = levels.get("scale_up")
        if level is None:
            return Line(0.0, 0.0)
        constant = slope = 0.0
        for kind in collectives:
            line = self._scale_up_line(kind, level, bus_share(kind, level.ranks), size_bytes)
            # A tangent that is steeper than what lies beyond the start-up would have the time fall
            # where the curve gets flatter.
            beyond = max(0.0, line.seconds(size_bytes) - self._latency_inside(kind, level))
            per_byte = line.seconds_per_byte
            if size_bytes > 0:
                per_byte = min(per_byte, beyond / size_bytes)
            constant += beyond - per_byte * size_bytes
            slope += per_byte
        return Line(constant, slope)

    def _all_to_all_line(self, level: Level, scope: Scope, at_bytes: float) -> Line:
        """With what the messages to all peers take: the fewer bytes go to each, the lower is the
        rate.
        """
        domains = self._domains(scope)
        line = self._messages_line(level, domains)
        curve = self._scale_out.curve(Collective.ALL_TO_ALL, domains)
        if curve is None or scope is not Scope.ALL:
            return line
        share = (curve.domains - 1) / curve.domains
        there = replace(
            level,
            bytes_share=share,
            bytes_per_second=curve.bytes_per_second,
            ranks=curve.ranks,
        )
        predicted = self._messages_line(there, curve.domains)
        at_once = CarriedCurve.of(curve, line.seconds, predicted.seconds)
        carried = at_once.seconds(at_bytes) / line.seconds(at_bytes)
        return Line(carried * line.constant_seconds, carried * line.seconds_per_byte)

    def _domains(self, scope: Scope) -> int:
        layout = self.topology.layout
        return 1 if scope is Scope.NODE else layout.nodes // layout.domain_nodes

    def _messages_line(self, level: Level, domains: int) -> Line:
        nodes = self.topology.nodes * domains / self._domains(Scope.ALL)
        return self._scale_out_line(level, self._messages_seconds(level), nodes)

    def _messages_seconds(self, level: Level) -> float:
        """Of an all-to-all: one to each device of other domains."""
        peers = level.bytes_share * level.ranks
        return self._scale_out.seconds_per_peer * peers

    def _scale_out_line(
        self, level: Level, start_seconds: float, nodes: float | None = None
    ) -> Line:
        """Through the NICs, ``start_seconds`` after the start."""
        scale_out = self._scale_out
        rate = level.bytes_per_second * scale_out.efficiency
        nodes = self.topology.nodes if nodes is None else nodes
        return Line(start_seconds + scale_out.start_seconds(nodes), level.bytes_share / rate)

    def _latency_inside(self, collective: Collective, level: Level) -> float:
        return self._scale_up(collective).curve(collective, level.ranks)[1].latency_seconds

    def _scale_up_line(
        self, collective: Collective, level: Level, level_share: float, at_bytes: float
    ) -> Line:
        """The tangent of the measured curve, carried over to this level.

        The curve is read at the buffer that moved as many bytes per device when it was measured.
        """
        scale_up = self._scale_up(collective)
        ranks, curve = scale_up.curve(collective, level.ranks)
        as_measured = level_share / bus_share(collective, ranks)
        slower = scale_up.link_bytes_per_second / level.bytes_per_second
        equal_bytes = at_bytes * as_measured
        latency = curve.latency_seconds
        seconds = latency + (curve.seconds(equal_bytes) - latency) * slower
        slope = curve.tangent(equal_bytes).seconds_per_byte * as_measured * slower
        if at_bytes > 0:
            slope = min(slope, seconds / at_bytes)
        return Line(max(0.0, seconds - slope * at_bytes), slope)
