"""The seven ways to shard a table, by TorchRec's names."""

from __future__ import annotations

from enum import StrEnum


class ShardingType(StrEnum):
    """How a table is cut; the strings are TorchRec's."""

    DATA_PARALLEL = "data_parallel"
    TABLE_WISE = "table_wise"
    COLUMN_WISE = "column_wise"
    ROW_WISE = "row_wise"
    TABLE_ROW_WISE = "table_row_wise"
    TABLE_COLUMN_WISE = "table_column_wise"
    GRID_SHARD = "grid_shard"


SHARDING_TYPES: tuple[ShardingType, ...] = tuple(ShardingType)
"""The types in the order of the codes that arrays of options hold."""
