"""The domains in a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cost.algorithms.algorithm import Algorithm, Hops

if TYPE_CHECKING:
    from shardplan.cost.algorithms.group import Group
    from shardplan.topology.collective import Collective

_SMALLEST_TREE = 3
"""Domains from which on one of them has both a parent and children."""


class Tree(Algorithm):
    """Sums travel up a binary tree over the domains, and down again; devices of one are a chain.

    ``2 log2(k)`` hops cross. Two trees carry half of the bytes each, and a domain that has children
    in one of them is a leaf of the other, so that it sends all bytes twice over, or once where the
    two domains of a pair only have each other (Sanders, Speck, Traeff, "Two-tree algorithms for
    full bandwidth broadcast, reduction and scan", 2009; NVIDIA/nccl, src/graph/tuning.cc).
    """

    name = "tree"
    about = "sums go up a tree over the nodes and down again"

    def hops(self, collective: Collective, group: Group) -> Hops:
        """Up and down."""
        return Hops(2 * (group.inside - 1), 2 * group.tree_depth)

    def across_share(self, collective: Collective, group: Group) -> float:
        """Of the buffer that the domain's devices share."""
        times = 1 if group.domains < _SMALLEST_TREE else 2
        return times / group.inside
