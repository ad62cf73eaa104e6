"""By which collectives pooled outputs, or their gradients, travel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.sharding.kind import SHARDING_TYPES, ShardingType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.cost.exchange import Exchange


def pooled_exchanges(
    whole_rows: Exchange, rows_of_all: Exchange, rows_of_node: Exchange
) -> Mapping[ShardingType, Exchange]:
    """By sharding type: those of whole rows, of rows cut over all devices, and over a node's.

    Data-parallel tables have none.
    """
    found = dict.fromkeys(SHARDING_TYPES, whole_rows)
    del found[ShardingType.DATA_PARALLEL]
    found[ShardingType.ROW_WISE] = rows_of_all
    found[ShardingType.TABLE_ROW_WISE] = found[ShardingType.GRID_SHARD] = rows_of_node
    return found
