"""What a plan decides for one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.options.kernel import Kernel
    from shardplan.options.sharding_type import ShardingType


@dataclass(frozen=True, slots=True)
class Decision:
    """One table's sharding and where each unit of it lands."""

    table: int
    """Position in the workload's tables."""
    sharding: ShardingType
    kernel: Kernel
    column_shards: int = 1
    targets: tuple[int, ...] = ()
    """Devices for table-wise (one) and column-wise (one per shard); nodes for table-row-wise and
    table-column-wise (one) and grid (one per column block); none for row-wise and data-parallel."""
    load_factor: float | None = None
    """Share of the rows that the HBM cache holds; only for kernels that cache."""
