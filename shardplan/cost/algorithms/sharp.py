"""Switches between the domains sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cost.algorithms.algorithm import Algorithm, Hops

if TYPE_CHECKING:
    from shardplan.cost.algorithms.group import Group
    from shardplan.topology.collective import Collective


class Sharp(Algorithm):
    """Each domain sums, sends its sum up to the switches and gets the whole sum back (SHARP).

    The devices share the bytes: each sends and receives ``1 / g`` of the buffer once, however many
    domains there are (CollNet of NVIDIA/nccl, src/graph/tuning.cc).
    """

    name = "sharp"
    about = "switches sum across the nodes"

    def is_offered(self, group: Group) -> bool:
        """Where the network's switches can sum."""
        return group.sums_across

    def hops(self, collective: Collective, group: Group) -> Hops:
        """Up to the switches, which is one crossing, between two exchanges inside."""
        return Hops(2 * min(1, group.inside - 1), 1)

    def across_share(self, collective: Collective, group: Group) -> float:
        """Its part of the domain's sum."""
        return 1 / group.inside
