"""By which collectives outputs, or their gradients, travel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cost.output_route import OutputRoute
from shardplan.sharding.kind import SHARDING_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.cost.exchange import Exchange
    from shardplan.sharding.kind import ShardingType


def output_exchanges(
    by_route: Mapping[OutputRoute, Exchange], is_pooled: bool = True
) -> Mapping[ShardingType, Exchange]:
    """By sharding type, those of the routes that have one."""
    routes = {kind: OutputRoute.of(kind, is_pooled) for kind in SHARDING_TYPES}
    return {kind: by_route[route] for kind, route in routes.items() if route in by_route}


def exchange_of_replicas(exchange: Exchange) -> Mapping[ShardingType, Exchange]:
    """The same exchange for each sharding type that replicates."""
    return {kind: exchange for kind in SHARDING_TYPES if kind.is_replicated}
