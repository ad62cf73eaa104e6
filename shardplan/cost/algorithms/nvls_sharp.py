"""Switches inside the domains and between them sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cost.algorithms.algorithm import Hops
from shardplan.cost.algorithms.sharp import Sharp
from shardplan.topology.collective import Collective

if TYPE_CHECKING:
    from shardplan.cost.algorithms.group import Group


class NvlsSharp(Sharp):
    """SHARP across the domains, and NVLink SHARP inside (NVLS of NVIDIA/nccl)."""

    name = "nvls_sharp"
    about = "switches sum inside the nodes and across them"

    def is_offered(self, group: Group) -> bool:
        """Where both kinds of switches can sum."""
        return group.sums_inside and group.sums_across

    def hops(self, collective: Collective, group: Group) -> Hops:
        """One of each."""
        return Hops(1, 1)

    def inside_as(self, collective: Collective) -> tuple[Collective, ...]:
        """The measured all-reduce, which the switch sums too."""
        return (Collective.ALL_REDUCE,)
