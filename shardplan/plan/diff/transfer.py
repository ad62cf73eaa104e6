"""Moves of all tables on the links of a machine: how many bytes, for how long, held up by what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.plan.file.rounding import rounded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from shardplan.plan.diff.moves import Moves
    from shardplan.topology.topology import Topology


@dataclass(frozen=True, slots=True)
class LinkUse:
    """What passes over one kind of link."""

    kind: str
    """``within nodes``, ``across nodes``, ``between tiers`` (over a device's link to its host), or
    ``from gone devices``: ranks that the new plan no longer has, so that a checkpoint must help."""
    moved_bytes: int
    seconds: float | None
    """At the full rate of the links, all moves of the kind at once; None where no link is known."""
    bottleneck: str
    """The link that is busy longest, such as ``nic:0.3 -> core``; empty where none is."""


def link_uses(moves: Sequence[Moves], topology: Topology) -> tuple[LinkUse, ...]:
    """The kinds of links over which anything passes, those inside a node first.

    Every move takes the paths with the fewest links, and a kind of link takes as long as the one
    that has most to carry for its rate.
    """
    return tuple(use for use in _uses(moves, topology) if use.moved_bytes)


def slowest_seconds_per_byte(topology: Topology) -> float:
    """Of a byte that one device fetches from another, on the slowest link between any two; 0 where
    there is one device.

    So many seconds for every byte are no less than what ``link_uses`` tells of moves between
    devices, however they are spread: no link carries more than all of them.
    """
    network, each = topology.network, topology.devices_per_node
    # Nodes are equal, and so are the ways from one to another, but for how far the last one is.
    others = {*range(1, min(each + 1, topology.world_size)), topology.world_size - 1} - {0}
    slowest = 0.0
    for target in others:
        demand = np.zeros(len(network.names))
        demand[target] = 1.0
        seconds = network.spread(0, demand) / network.bytes_per_second
        slowest = max(slowest, float(seconds.max()))
    return slowest


def _uses(moves: Sequence[Moves], topology: Topology) -> Iterator[LinkUse]:
    source, target, moved = (
        np.concatenate([np.zeros(0, np.int64), *parts])
        for parts in (
            [each.source for each in moves],
            [each.target for each in moves],
            [each.moved_bytes for each in moves],
        )
    )
    each = topology.devices_per_node
    is_gone = source >= topology.world_size
    is_inside = ~is_gone & (source // each == target // each)
    yield _between_tiers(moves, topology)
    for kind, chosen in (("within nodes", is_inside), ("across nodes", ~is_gone & ~is_inside)):
        seconds, link = _longest(topology, source[chosen], target[chosen], moved[chosen])
        yield LinkUse(kind, int(moved[chosen].sum()), seconds, link)
    yield LinkUse("from gone devices", int(moved[is_gone].sum()), None, "")


def _between_tiers(moves: Sequence[Moves], topology: Topology) -> LinkUse:
    per_rank = np.zeros(topology.world_size)
    for move in moves:
        np.add.at(per_rank, move.tier_rank, move.tier_bytes)
    rate = topology.host_link_bytes_per_second
    total = sum(int(move.tier_bytes.sum()) for move in moves)
    rank = int(per_rank.argmax())
    seconds = rounded(float(per_rank[rank]) / rate)
    return LinkUse("between tiers", total, seconds, f"device:{rank} - host" if total else "")


def _longest(
    topology: Topology,
    source: NDArray[np.int64],
    target: NDArray[np.int64],
    moved_bytes: NDArray[np.int64],
) -> tuple[float, str]:
    """Seconds and name of the link that is busy longest."""
    network = topology.network
    load = np.zeros(len(network.tail))
    for rank in np.unique(source).tolist():
        own = source == rank
        demand = np.zeros(len(network.names))
        np.add.at(demand, target[own], moved_bytes[own])
        load += network.spread(rank, demand)
    seconds = load / network.bytes_per_second
    if not seconds.any():
        return 0.0, ""
    slowest = int(seconds.argmax())
    return rounded(float(seconds[slowest])), str(network.link(slowest))
