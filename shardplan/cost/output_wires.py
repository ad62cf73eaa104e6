"""In which formats outputs, or their gradients, travel along each route."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cost.output_route import OutputRoute
from shardplan.workload.wire.wire_collective import WireCollective

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.workload.wire.wire_type import WireType

_POOLED = {
    OutputRoute.WHOLE_ROWS: (WireCollective.POOLED_ALL_TO_ALL,),
    OutputRoute.ROWS_OF_ALL: (WireCollective.REDUCE_SCATTER,),
    OutputRoute.ROWS_OF_NODE: (
        WireCollective.REDUCE_SCATTER,
        WireCollective.POOLED_ALL_TO_ALL,
    ),
}


def collectives_of(route: OutputRoute, *, is_pooled: bool) -> tuple[WireCollective, ...]:
    """What carries the outputs of a route, in the order of the forward pass."""
    if route is OutputRoute.STAYS:
        return ()
    return _POOLED[route] if is_pooled else (WireCollective.SEQUENCE_ALL_TO_ALL,)


def legs_of(
    route: OutputRoute, by_collective: Mapping[WireCollective, WireType], *, is_pooled: bool
) -> tuple[WireType, ...]:
    """Of the collectives of a route, in the order of the forward pass."""
    return tuple(by_collective[each] for each in collectives_of(route, is_pooled=is_pooled))
