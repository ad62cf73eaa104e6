"""By which collectives gradients are summed, and what devices keep and move for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.cost.analytic.reduction.leg import Leg
from shardplan.topology.collective import Collective, Scope

if TYPE_CHECKING:
    from shardplan.sharding.world import World
    from shardplan.workload.wire.reduction import Reduction

NUMBER_BYTES = 4
"""Numbers are summed in fp32."""
_FEEDBACK_PASSES = 5
"""Over all numbers: the gradient and what was left of former ones are read, their sum is written,
read again, and what is left of it written."""
_SELECTING_PASSES = 4
"""Over the numbers to select from: a radix select reads them once for each of their bytes."""
_ADDING_PASSES = 2
"""Over the sums that pairs are added to: read and written."""


@dataclass(frozen=True, slots=True)
class Summing:
    """The all-reduce of data-parallel tables, for each byte of their gradients.

    Of ``W`` devices, ``g`` to each of ``k`` nodes, exact sums take an all-reduce over all; or, by
    nodes, a reduce-scatter inside, an all-reduce of an ``1 / g`` across and an all-gather inside.
    Where each device sends a share ``d`` alone, as pairs of a number of 4 bytes and its place of
    ``i``, no sum is made on the way: in the place of the all-reduce over ``n`` of them all get all
    pairs, an all-gather of ``n d (4 + i) / 4`` (the bytes of Renggli et al., "SparCML", 2019, where
    supports are disjoint and sums stay pairs).
    """

    legs: tuple[Leg, ...]
    """One after the other."""
    kept_share: float = 0.0
    """HBM beside the gradient: of what was not sent, and of the pairs of all."""
    moved_share: float = 0.0
    """What passes through memory to select numbers and to add them up."""

    @classmethod
    def of(cls, reduction: Reduction, world: World, numbers: float) -> Self:
        """Among these devices, of no more than so many numbers at once."""
        share = reduction.top_k if world.size > 1 else None
        has_levels = reduction.algorithm.has_levels(world.size, world.devices_per_node)
        part = 1 / world.devices_per_node if has_levels else 1.0
        scope = Scope.PEERS if has_levels else Scope.ALL
        if share is None:
            return cls(_around(has_levels, Leg(Collective.ALL_REDUCE, scope, part)))
        senders = world.nodes if has_levels else world.size
        received = senders * share * part
        pairs = received * (NUMBER_BYTES + _place_bytes(numbers * part)) / NUMBER_BYTES
        return cls(
            _around(has_levels, Leg(Collective.ALL_GATHER, scope, pairs)),
            kept_share=1 + pairs,
            moved_share=_FEEDBACK_PASSES
            + _SELECTING_PASSES * part
            + pairs
            + _ADDING_PASSES * received,
        )


def _around(has_levels: bool, across: Leg) -> tuple[Leg, ...]:
    """With what goes on inside the nodes before and after."""
    if not has_levels:
        return (across,)
    return (
        Leg(Collective.REDUCE_SCATTER, Scope.NODE, 1.0),
        across,
        Leg(Collective.ALL_GATHER, Scope.NODE, 1.0),
    )


def _place_bytes(numbers: float) -> int:
    """Of the place of a number among so many."""
    narrow = np.dtype(np.int32)
    return narrow.itemsize if numbers <= np.iinfo(narrow).max else 2 * narrow.itemsize
