"""Who sends how much to whom in a collective."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from shardplan.topology.collective import Collective, Scope

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.topology.layout import Layout
    from shardplan.topology.level import LevelName


class Pattern(Enum):
    """Which ranks a rank sends to."""

    INSIDE = "inside"
    """The other members of its group inside its scale-up domain."""
    OUTSIDE = "outside"
    """The members of its group in other domains."""
    RING = "ring"
    """The member at its own position in the next domain."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What a rank sends at one level, equal shares to each target; every rank sends alike."""

    level: LevelName
    scope: Scope
    pattern: Pattern
    ranks: int
    """Devices that exchange with one another."""
    bytes_share: float
    """Bytes that a rank sends, and receives, per byte of its buffer."""

    def targets(self, layout: Layout, rank: int) -> NDArray[np.int64]:
        """The ranks that a rank sends to."""
        if self.pattern is Pattern.RING:
            return layout.next_domain(np.array([rank]))
        members = layout.members(rank, self.scope)
        is_inside = members // layout.domain_devices == rank // layout.domain_devices
        is_outside = self.pattern is Pattern.OUTSIDE
        targets: NDArray[np.int64] = members[(is_inside != is_outside) & (members != rank)]
        return targets


def flows(layout: Layout, collective: Collective, scope: Scope) -> tuple[Flow, ...]:
    """What moves in a collective, scale-up first; levels at which nothing moves are left out.

    With M ranks in a group, m of them inside each scale-up domain and n = M / m domains, a rank
    with a buffer of S bytes sends

    * all-to-all: S / M to each other rank, directly;
    * reduce-scatter and all-gather: S (m - 1) / m inside the domain, directly, and of the S / m
      that remain S / m (n - 1) / n to its successor in a ring over the domains, the bandwidth-
      optimal volumes (Chan et al., "Collective communication: theory, practice, and experience",
      2007, section 4) with as many rings as the domain has devices, as NCCL builds them;
    * all-reduce: both, one after the other, hence twice that.
    """
    group, inside = _group_sizes(layout, scope)
    domains = group // inside
    if collective is Collective.ALL_TO_ALL:
        found = (
            Flow("scale_up", scope, Pattern.INSIDE, inside, (inside - 1) / group),
            Flow("scale_out", scope, Pattern.OUTSIDE, group, (group - inside) / group),
        )
    else:
        passes = 2 if collective is Collective.ALL_REDUCE else 1
        share_up, share_out = (inside - 1) / inside, (domains - 1) / domains / inside
        found = (
            Flow("scale_up", scope, Pattern.INSIDE, inside, passes * share_up),
            Flow("scale_out", scope, Pattern.RING, domains, passes * share_out),
        )
    return tuple(flow for flow in found if flow.bytes_share > 0)


def _group_sizes(layout: Layout, scope: Scope) -> tuple[int, int]:
    """The ranks of one group, and how many of them share a scale-up domain."""
    if scope is Scope.NODE:
        return layout.devices_per_node, layout.devices_per_node
    if scope is Scope.PEERS:
        return layout.nodes, layout.domain_nodes
    return layout.world_size, layout.domain_devices
