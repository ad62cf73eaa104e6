"""How devices go about summing what all of them have."""

from __future__ import annotations

from enum import StrEnum


class ReductionAlgorithm(StrEnum):
    """Of the all-reduce of data-parallel tables."""

    FLAT = "flat"
    """One collective over all devices, by whichever way the communication library takes."""
    HIERARCHICAL = "hierarchical"
    """A reduce-scatter inside each node, an all-reduce of each part across the devices at the same
    place of every node, an all-gather inside each node: three collectives, one after the other."""
    AUTO = "auto"
    """That of the faster plan, by the cost model: plans state which."""

    def has_levels(self, world_size: int, local_world_size: int) -> bool:
        """Whether it goes by nodes: of one node, or of nodes of one device, nothing is left of
        it but the flat one."""
        return self is ReductionAlgorithm.HIERARCHICAL and 1 < local_world_size < world_size
