"""The plan file's ``replicas``: the groups of devices of which the plan is each one's."""

from typing import Self

from shardplan.plan.file.plan_model import PlanModel, Positive
from shardplan.sharding.grouping import Grouping, GroupOrder
from shardplan.sharding.world import World
from shardplan.topology.topology import Topology
from shardplan.workload.dtype import Dtype
from shardplan.workload.replica_sync import ReplicaSync


class ReplicaFacts(PlanModel):
    """Rank r of the plan is, of group g, rank ``r * groups + g`` of all devices where they are dealt
    in turn (``strided``), and else rank ``g * world_size of the plan + r``."""

    groups: Positive
    order: GroupOrder
    world_size: Positive
    """Devices of all groups."""
    local_world_size: Positive
    """Devices of one node, of all groups."""
    sync_every: Positive
    """Steps from one averaging of replicas to the next."""
    dtype: Dtype
    """Of an element on the wire."""
    sync_optimizer: bool
    """Whether the optimizer's state is averaged too."""

    @classmethod
    def of(cls, topology: Topology, sync: ReplicaSync | None) -> Self | None:
        """None where all devices are one group."""
        replicas = topology.replicas
        if replicas is None or sync is None:
            return None
        return cls(
            groups=replicas.grouping.groups,
            order=replicas.grouping.order,
            world_size=replicas.whole.world_size,
            local_world_size=replicas.whole.devices_per_node,
            sync_every=sync.every,
            dtype=sync.dtype,
            sync_optimizer=sync.with_state,
        )

    @property
    def grouping(self) -> Grouping:
        """Which devices are of which group."""
        return Grouping(self.groups, self.order)

    @property
    def world(self) -> World:
        """All devices."""
        return World(self.world_size, self.local_world_size)
