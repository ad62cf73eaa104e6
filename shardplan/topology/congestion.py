"""How fast the flows of a collective run on a network, and which link holds them up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.topology.flow import Flow, Pattern
from shardplan.topology.level import Level, Link

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.topology.layout import Layout
    from shardplan.topology.network import Network

_TIED = 1 - 1e-9
"""Links this close to the slowest count as equally slow; the first of them is named."""


def congestion(
    network: Network, layout: Layout, flows: Sequence[Flow]
) -> tuple[tuple[Level, Link], ...]:
    """Each flow's level and bottleneck link, when all flows of all ranks run at once.

    A level takes as long as the slowest link that its flow crosses, and that link carries all
    flows: where scale-up and scale-out share a link, they share its rate.
    """
    loads = [_link_loads(network, layout, flow) for flow in flows]
    seconds = np.sum(loads, axis=0) / network.bytes_per_second
    found = []
    for flow, load in zip(flows, loads, strict=True):
        crossed = np.where(load > 0, seconds, 0.0)
        slowest = int(np.flatnonzero(crossed >= crossed.max() * _TIED)[0])
        rate = flow.bytes_share / float(crossed[slowest])
        level = Level(flow.level, flow.bytes_share, rate, flow.ranks)
        found.append((level, network.link(slowest)))
    return tuple(found)


def _link_loads(network: Network, layout: Layout, flow: Flow) -> NDArray[np.float64]:
    """(E,): bytes on each link per byte of each rank's buffer.

    Ranks that send alike load each class of equal links alike, so one of them is routed for all,
    and its bytes are shared out evenly over each class.
    """
    class_loads = np.zeros(int(network.link_classes.max()) + 1)
    for rank, count in _representatives(network, layout, flow):
        targets = flow.targets(layout, rank)
        demand = np.zeros(len(network.names))
        demand[targets] = flow.bytes_share / len(targets)
        spread = network.spread(rank, demand)
        class_loads += count * np.bincount(network.link_classes, spread, len(class_loads))
    per_link: NDArray[np.float64] = class_loads / np.bincount(network.link_classes)
    return per_link[network.link_classes]


def _representatives(network: Network, layout: Layout, flow: Flow) -> list[tuple[int, int]]:
    """Pairs of a rank and how many ranks send alike, itself included.

    Ranks in the same position send alike, if their targets, too, are in the same position and as
    far away; that goes without saying where a rank sends to its whole group.
    """
    ranks = np.arange(layout.world_size)
    position = [network.colours[ranks]]
    if flow.pattern is Pattern.RING:
        targets = layout.next_domain(ranks)
        position += [network.colours[targets], layout.groups_apart(ranks, targets)]
    _, first, counts = np.unique(np.stack(position), axis=1, return_index=True, return_counts=True)
    return list(zip(first.tolist(), counts.tolist(), strict=True))
