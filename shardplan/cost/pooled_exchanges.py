"""By which collectives pooled outputs, or their gradients, travel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.sharding.world import Extent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.cost.exchange import Exchange
    from shardplan.sharding.kind import ShardingType


def pooled_exchanges(
    whole_rows: Exchange, rows_of_all: Exchange, rows_of_node: Exchange
) -> Mapping[ShardingType, Exchange]:
    """By sharding type: those of whole rows, of rows cut over all devices, and over a node's.

    Replicated tables have none.
    """
    by_rows = {
        Extent.DEVICE: whole_rows,
        Extent.NODE: rows_of_node,
        Extent.WORLD: rows_of_all,
    }
    return {kind: by_rows[kind.rows] for kind in SHARDING_TYPES if not kind.is_replicated}


def exchange_of_replicas(exchange: Exchange) -> Mapping[ShardingType, Exchange]:
    """The same exchange for each sharding type that replicates."""
    return {kind: exchange for kind in SHARDING_TYPES if kind.is_replicated}
