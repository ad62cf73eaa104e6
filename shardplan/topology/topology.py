"""The machine that a plan is made for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from shardplan.topology.congestion import congestion
from shardplan.topology.flow import flows
from shardplan.topology.measured.machine_curves import MachineCurves
from shardplan.topology.network import Network

if TYPE_CHECKING:
    import networkx as nx

    from shardplan.sharding.world import World
    from shardplan.topology.collective import Collective, Scope
    from shardplan.topology.groups.replicas import Replicas
    from shardplan.topology.layout import Layout
    from shardplan.topology.level import Level, LevelName, Link
    from shardplan.topology.nic_traits import NicTraits
    from shardplan.topology.tier import Tier


@dataclass(frozen=True, eq=False)
class Topology:
    """Equal nodes of equal devices, their memory tiers, and the graph of links between them."""

    name: str
    layout: Layout
    hbm: Tier
    """Of each device."""
    ddr: Tier | None
    """Of each node, shared by its devices."""
    ssd: Tier | None
    """Of each node, shared by its devices."""
    host_link_bytes_per_second: float
    """Between one device and its host, each direction."""
    nic_traits: NicTraits
    """What the machine itself knows of its NICs."""
    graph: nx.DiGraph[str]
    """Vertices with a ``kind``, links with ``bytes_per_second``; see ``build_graph``."""
    switch_reduces: bool = False
    """Whether the switch of a scale-up domain sums what passes it (NVLink SHARP)."""
    ingest_bytes_per_second: float | None = None
    """At which samples come into each node from outside; None where that holds nothing up."""
    curves: MachineCurves = field(default_factory=MachineCurves)
    """Collectives as they were measured on this very machine."""
    replicas: Replicas | None = None
    """Where these are one of several groups of devices that each hold all tables: the others."""

    @property
    def nodes(self) -> int:
        """How many nodes."""
        return self.layout.nodes

    @property
    def devices_per_node(self) -> int:
        """Devices of one node."""
        return self.layout.devices_per_node

    @property
    def world_size(self) -> int:
        """All devices."""
        return self.layout.world_size

    @property
    def world(self) -> World:
        """Its devices, as far as it decides how tables may be cut and placed."""
        return self.layout.world

    @property
    def whole(self) -> Topology:
        """With all groups of devices."""
        return self.replicas.whole if self.replicas else self

    @property
    def groups(self) -> int:
        """How many groups of devices hold all tables."""
        return self.replicas.grouping.groups if self.replicas else 1

    @cached_property
    def network(self) -> Network:
        """The graph as arrays."""
        return Network.of(self.graph, self.layout)

    def read_share_bytes_per_second(self, tier: Tier, devices: int) -> float:
        """What one device reads of a node's tier when ``devices`` of the node read at once."""
        return min(self.host_link_bytes_per_second, tier.read_bytes_per_second / devices)

    def write_share_bytes_per_second(self, tier: Tier, devices: int) -> float:
        """What one device writes to a node's tier when ``devices`` of the node write."""
        return min(self.host_link_bytes_per_second, tier.write_bytes_per_second / devices)

    def swap_seconds_per_byte(self, tier: Tier, devices: int) -> float:
        """What a byte read of a node's tier takes if one is written for it, and ``devices``
        of the node do so at once.

        The host link carries both directions at a time; the tier serves one after the other.
        """
        served = 1 / tier.read_bytes_per_second + 1 / tier.write_bytes_per_second
        return max(1 / self.host_link_bytes_per_second, served * devices)

    def route(self, collective: Collective, scope: Scope) -> tuple[Level, ...]:
        """The levels at which a collective moves bytes, scale-up first; none for one device."""
        return tuple(level for level, _ in self._congested(collective, scope))

    def bottleneck(
        self, collective: Collective, scope: Scope, level: LevelName | None = None
    ) -> Link | None:
        """The link that a collective, or one level of it, waits for longest.

        None where nothing moves.
        """
        slowest = max(
            (
                found
                for found in self._congested(collective, scope)
                if level in (None, found[0].name)
            ),
            key=lambda found: found[0].bytes_share / found[0].bytes_per_second,
            default=None,
        )
        return slowest[1] if slowest else None

    def _congested(self, collective: Collective, scope: Scope) -> tuple[tuple[Level, Link], ...]:
        asked = (collective, scope)
        if asked not in self._known_congestion:
            moved = flows(self.layout, collective, scope)
            self._known_congestion[asked] = congestion(self.network, self.layout, moved)
        return self._known_congestion[asked]

    @cached_property
    def _known_congestion(self) -> dict[tuple[Collective, Scope], tuple[tuple[Level, Link], ...]]:
        """By collective and scope: each cost of a sharding type asks for the same few."""
        return {}
