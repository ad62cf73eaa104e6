"""First inside the domains, then among the devices at the same position of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cost.algorithms.algorithm import Algorithm, Hops
from shardplan.topology.collective import Collective

if TYPE_CHECKING:
    from shardplan.cost.algorithms.group import Group


class Hierarchical(Algorithm):
    """A reduce-scatter inside, a ring over the domains for each of its parts, an all-gather inside.

    The fewest bytes across without switches that sum: of the ``1 / g`` of the buffer that a device
    has left, ``2 (k - 1) / k`` in an all-reduce (Chan et al., "Collective communication: theory,
    practice, and experience", 2007, section 4).
    """

    name = "hierarchical"
    about = "sums inside the nodes, then a ring across them"
    collectives = frozenset(
        {Collective.REDUCE_SCATTER, Collective.ALL_GATHER, Collective.ALL_REDUCE}
    )

    def hops(self, collective: Collective, group: Group) -> Hops:
        """Around the domains, and a collective inside before and behind."""
        rounds = 2 if collective is Collective.ALL_REDUCE else 1
        return Hops(rounds * min(1, group.inside - 1), rounds * (group.domains - 1))

    def across_share(self, collective: Collective, group: Group) -> float:
        """Of the part that a device has left."""
        rounds = 2 if collective is Collective.ALL_REDUCE else 1
        return rounds * (group.domains - 1) / group.domains / group.inside
