"""A topology together with the file that it was built from, so that another size can be had."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.topology.build_topology import build_topology
from shardplan.topology.groups.part import cut_by, part_of
from shardplan.topology.groups.replicas import Replicas
from shardplan.topology.schema import Size

if TYPE_CHECKING:
    from shardplan.sharding.grouping import Grouping
    from shardplan.topology.schema import TopologyFile
    from shardplan.topology.topology import Topology


@dataclass(frozen=True, slots=True)
class Machine:
    """What a plan is made for."""

    topology: Topology
    """Of one group where its devices are several groups that each hold all tables."""
    file: TopologyFile
    value: dict[str, Any]
    """The file as plain values, with the number of nodes that the topology has."""

    @classmethod
    def of(cls, file: TopologyFile, value: dict[str, Any], nodes: int | None = None) -> Machine:
        """Build the topology; raises InputError where the machine cannot have that many nodes."""
        topology = build_topology(file, nodes)
        return cls(topology, file, value | {"nodes": topology.nodes})

    @property
    def nodes(self) -> int:
        """Of all groups."""
        return self.topology.whole.nodes

    @property
    def grouping(self) -> Grouping | None:
        """None where all devices are one group."""
        replicas = self.topology.replicas
        return replicas.grouping if replicas else None

    def grouped(self, grouping: Grouping | None) -> Machine:
        """The same devices in groups, or in one; raises InputError where they cannot be."""
        whole = self.topology.whole
        if grouping is None or grouping.groups == 1:
            return replace(self, topology=whole)
        if problem := self.problem_with(grouping):
            raise InputError([Diagnostic(f"topology {self.file.name}", 0, 0, "groups", problem)])
        group, of_shard = grouping.group(whole.world), grouping.replicas(whole.world)
        replicas = Replicas(grouping, whole, build_topology(part_of(self.file, of_shard)))
        topology = build_topology(part_of(self.file, group))
        return replace(self, topology=replace(topology, replicas=replicas))

    def problem_with(self, grouping: Grouping, nodes: int | None = None) -> str:
        """Why its devices cannot be so grouped, or those of so many nodes; empty where they can."""
        world = self.topology.whole.world
        if nodes is not None:
            world = replace(world, size=nodes * world.devices_per_node)
        if problem := grouping.problem_with(world):
            return problem
        parts = (grouping.group(world), grouping.replicas(world))
        return next(filter(None, (cut_by(self.file, part) for part in parts)), "")

    def with_nodes(self, nodes: int) -> Machine:
        """The same nodes in another number; raises InputError where that cannot be."""
        return Machine.of(self.file, self.value, nodes).grouped(self.grouping)

    def with_hbm(self, size_bytes: int) -> Machine:
        """The same with so much HBM on each device, as fast as before."""
        size = f"{size_bytes}B"
        hbm = self.file.device.hbm.model_copy(update={"capacity": Size.model_validate(size)})
        device = self.file.device.model_copy(update={"hbm": hbm})
        was = self.value["device"]
        return Machine.of(
            self.file.model_copy(update={"device": device}),
            self.value | {"device": was | {"hbm": was["hbm"] | {"capacity": size}}},
            self.nodes,
        ).grouped(self.grouping)

    def with_room(self, size_bytes: int) -> Machine:
        """The same with so much of every memory that is there, as fast as before."""
        size, node = f"{size_bytes}B", self.file.node
        there = [tier for tier in ("ddr", "ssd") if getattr(node, tier) is not None]
        larger = {
            tier: getattr(node, tier).model_copy(update={"capacity": Size.model_validate(size)})
            for tier in there
        }
        was = self.value.get("node", {})
        written = {tier: was[tier] | {"capacity": size} for tier in there}
        return Machine.of(
            self.file.model_copy(update={"node": node.model_copy(update=larger)}),
            self.value | {"node": was | written},
            self.nodes,
        ).with_hbm(size_bytes)
