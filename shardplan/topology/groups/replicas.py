"""The machine around one of several groups of devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.sharding.grouping import Grouping
    from shardplan.topology.topology import Topology


@dataclass(frozen=True, eq=False, slots=True)
class Replicas:
    """What a topology that is one group's knows of the others."""

    grouping: Grouping
    whole: Topology
    """All groups together."""
    of_shard: Topology
    """The devices that hold the same shard, one of each group."""
