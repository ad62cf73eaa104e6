"""All devices in a ring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cost.algorithms.algorithm import Algorithm, Hops, bus_share
from shardplan.topology.collective import Collective

if TYPE_CHECKING:
    from shardplan.cost.algorithms.group import Group


class Ring(Algorithm):
    """As many rings as a domain has devices, each of which leaves the domain by another one.

    n ranks in k domains: ``2 (n - 1)`` hops in an all-reduce, of which ``2 (k - 1)`` cross, half as
    many in its halves; each device sends ``(n - 1) / n`` of the buffer once or twice, and each
    crossing carries one ring's share of it (NVIDIA/nccl, src/graph/tuning.cc).
    """

    name = "ring"
    about = "each device passes on what it has to the next one"
    collectives = frozenset(
        {Collective.REDUCE_SCATTER, Collective.ALL_GATHER, Collective.ALL_REDUCE}
    )

    def hops(self, collective: Collective, group: Group) -> Hops:
        """Once around, or twice."""
        rounds = 2 if collective is Collective.ALL_REDUCE else 1
        across = rounds * (group.domains - 1)
        return Hops(rounds * (group.ranks - 1) - across, across)

    def across_share(self, collective: Collective, group: Group) -> float:
        """That of one of as many rings as a domain has devices."""
        return bus_share(collective, group.ranks) / group.inside
