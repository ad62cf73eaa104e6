"""How ranks are numbered over nodes, scale-up domains and the groups of the fabric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.topology.collective import Scope

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.sharding.world import World


@dataclass(frozen=True, slots=True)
class Layout:
    """Rank r is device ``r % devices_per_node`` of node ``r // devices_per_node``.

    Nodes of one domain or fabric group are neighbours; the last fabric group may be partly filled.
    """

    world: World
    domain_nodes: int
    """Nodes that one scale-up link spans; divides ``nodes``."""
    fabric_nodes: tuple[int, ...] = ()
    """Nodes in one rack, in one pod, ...: innermost first, each a multiple of the one before."""

    @property
    def nodes(self) -> int:
        """How many nodes."""
        return self.world.nodes

    @property
    def devices_per_node(self) -> int:
        """Devices of one node."""
        return self.world.devices_per_node

    @property
    def world_size(self) -> int:
        """All devices."""
        return self.world.size

    @property
    def domain_devices(self) -> int:
        """Devices of one scale-up domain."""
        return self.domain_nodes * self.devices_per_node

    def members(self, rank: int, scope: Scope) -> NDArray[np.int64]:
        """The group that a rank belongs to, itself included, in ascending order."""
        first, local = rank - rank % self.devices_per_node, rank % self.devices_per_node
        if scope is Scope.NODE:
            return np.arange(first, first + self.devices_per_node)
        if scope is Scope.PEERS:
            return np.arange(local, self.world_size, self.devices_per_node)
        return np.arange(self.world_size)

    def kinship(self, ranks: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
        """1 for ranks of one node, 2 for peers, 0 for neither; elementwise."""
        is_node = ranks // self.devices_per_node == others // self.devices_per_node
        is_peer = ranks % self.devices_per_node == others % self.devices_per_node
        return np.select([is_node, is_peer], [1, 2], 0)

    def next_domain(self, ranks: NDArray[np.int64]) -> NDArray[np.int64]:
        """The ranks at the same position of the domain that follows in a ring."""
        return (ranks + self.domain_devices) % self.world_size

    def groups_apart(
        self, ranks: NDArray[np.int64], others: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """How many levels of the fabric two ranks do not share: 0 inside one rack; elementwise."""
        nodes, other_nodes = ranks // self.devices_per_node, others // self.devices_per_node
        apart = np.zeros_like(ranks)
        for group_nodes in self.fabric_nodes:
            apart += nodes // group_nodes != other_nodes // group_nodes
        return apart
