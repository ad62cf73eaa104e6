"""The collectives of sharded tables, and who takes part in one."""

from __future__ import annotations

from enum import StrEnum


class Collective(StrEnum):
    """What is exchanged. Each has a buffer of S bytes per device, by which its cost is counted."""

    ALL_TO_ALL = "all_to_all"
    """S: the bytes a device sends in total, its own part included."""
    REDUCE_SCATTER = "reduce_scatter"
    """S: the input of a device."""
    ALL_GATHER = "all_gather"
    """S: the output of a device."""
    ALL_REDUCE = "all_reduce"
    """S: the vector."""


class Scope(StrEnum):
    """The groups that run a collective, all groups at once."""

    ALL = "all"
    """Every device, one group."""
    NODE = "node"
    """The devices of each node."""
    PEERS = "peers"
    """The devices of the same local rank on every node: as many groups as devices per node."""
