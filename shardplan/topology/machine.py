"""A topology together with the file that it was built from, so that another size can be had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shardplan.topology.build_topology import build_topology
from shardplan.topology.schema import Size

if TYPE_CHECKING:
    from shardplan.topology.schema import TopologyFile
    from shardplan.topology.topology import Topology


@dataclass(frozen=True, slots=True)
class Machine:
    """What a plan is made for."""

    topology: Topology
    file: TopologyFile
    value: dict[str, Any]
    """The file as plain values, with the number of nodes that the topology has."""

    @classmethod
    def of(cls, file: TopologyFile, value: dict[str, Any], nodes: int | None = None) -> Machine:
        """Build the topology; raises InputError where the machine cannot have that many nodes."""
        topology = build_topology(file, nodes)
        return cls(topology, file, value | {"nodes": topology.nodes})

    def with_nodes(self, nodes: int) -> Machine:
        """The same nodes in another number; raises InputError where that cannot be."""
        return Machine.of(self.file, self.value, nodes)

    def with_hbm(self, size_bytes: int) -> Machine:
        """The same with so much HBM on each device, as fast as before."""
        size = f"{size_bytes}B"
        hbm = self.file.device.hbm.model_copy(update={"capacity": Size.model_validate(size)})
        device = self.file.device.model_copy(update={"hbm": hbm})
        was = self.value["device"]
        return Machine.of(
            self.file.model_copy(update={"device": device}),
            self.value | {"device": was | {"hbm": was["hbm"] | {"capacity": size}}},
            self.topology.nodes,
        )
