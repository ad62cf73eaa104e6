"""The domains in a tree, inside which switches sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cost.algorithms.algorithm import Hops
from shardplan.cost.algorithms.tree import Tree
from shardplan.topology.collective import Collective

if TYPE_CHECKING:
    from shardplan.cost.algorithms.group import Group


class NvlsTree(Tree):
    """A tree over the domains; inside a domain its switch sums and spreads (NVLink SHARP)."""

    name = "nvls_tree"
    about = "switches sum inside the nodes, a tree across them"

    def is_offered(self, group: Group) -> bool:
        """Where the switch inside can sum."""
        return group.sums_inside

    def hops(self, collective: Collective, group: Group) -> Hops:
        """One inside, whatever the number of devices."""
        return Hops(1, 2 * group.tree_depth)

    def inside_as(self, collective: Collective) -> tuple[Collective, ...]:
        """The measured all-reduce, which the switch sums too."""
        return (Collective.ALL_REDUCE,)
