"""The devices of a machine, as far as it decides how tables may be cut and placed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from shardplan.sharding.device_kind import DeviceKind


class Extent(IntEnum):
    """Over what something reaches that devices hold together."""

    DEVICE = 0
    NODE = 1
    """All devices of one node."""
    WORLD = 2
    """All devices."""


@dataclass(frozen=True, slots=True)
class World:
    """Equal nodes of equal devices: rank r is on node ``r // devices_per_node``."""

    size: int
    """All devices."""
    devices_per_node: int
    devices: DeviceKind = DeviceKind.GPU
    """What all of them are."""

    @property
    def nodes(self) -> int:
        """How many nodes."""
        return self.size // self.devices_per_node

    def devices_of(self, extent: Extent) -> int:
        """How many devices one device, one node or the world has."""
        return (1, self.devices_per_node, self.size)[extent]

    def count_of(self, extent: Extent) -> int:
        """How many devices, nodes or worlds there are."""
        return self.size // self.devices_of(extent)

    def ranks_of(self, extent: Extent, place: int) -> range:
        """The ranks of a device, of a node, or of the world (whose place is 0)."""
        each = self.devices_of(extent)
        return range(place * each, (place + 1) * each)
