"""Devices in groups that each hold all tables."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from shardplan.sharding.world import World


class GroupOrder(StrEnum):
    """How ranks are dealt to groups."""

    STRIDED = "strided"
    """In turn: replicas of a shard are neighbours, on one node as far as that goes."""
    CONTIGUOUS = "contiguous"
    """Neighbours are of one group: replicas of a shard lie far apart."""


class Part(NamedTuple):
    """Equal devices of some of a machine's nodes."""

    nodes: int
    devices_per_node: int
    node_stride: int
    """How many nodes lie from one of its nodes to the next."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """M groups of N devices, T = M x N in all (two-dimensional sparse parallelism; Zhang et al.
    2025, arXiv 2508.03854; ``DMPCollection`` of TorchRec).

    Each group shards all tables over its own devices. Replicas of a shard are the devices at the
    same position of each group.
    """

    groups: int
    order: GroupOrder = GroupOrder.STRIDED

    def problem_with(self, world: World) -> str:
        """Why the devices of a machine cannot be so grouped; empty where they can."""
        size, each, groups = world.size, world.devices_per_node, self.groups
        if size % groups:
            return f"{size:,} devices are not {groups:,} groups of equal size"
        side = groups if self.order is GroupOrder.STRIDED else size // groups
        if side % each and each % side:
            is_strided = self.order is GroupOrder.STRIDED
            what = "replicas of a shard" if is_strided else "devices of a group"
            return f"{side} {what} neither fill nodes of {each} devices nor divide one"
        return ""

    def group(self, world: World) -> Part:
        """The devices of one group."""
        return self._dealt(world) if self.order is GroupOrder.STRIDED else self._side(world)

    def replicas(self, world: World) -> Part:
        """The devices that hold the same shard."""
        return self._side(world) if self.order is GroupOrder.STRIDED else self._dealt(world)

    def ranks(self, world: World) -> tuple[range, ...]:
        """Of each group, the ranks among all devices."""
        size, groups = world.size, self.groups
        if self.order is GroupOrder.STRIDED:
            return tuple(range(group, size, groups) for group in range(groups))
        each = size // groups
        return tuple(range(group * each, (group + 1) * each) for group in range(groups))

    def _neighbours(self, world: World) -> int:
        return self.groups if self.order is GroupOrder.STRIDED else world.size // self.groups

    def _side(self, world: World) -> Part:
        """Neighbours."""
        count, each = self._neighbours(world), world.devices_per_node
        return Part(max(1, count // each), min(count, each), 1)

    def _dealt(self, world: World) -> Part:
        """One of each row of neighbours."""
        count, each = self._neighbours(world), world.devices_per_node
        stride = max(1, count // each)
        return Part(world.nodes // stride, max(1, each // count), stride)
