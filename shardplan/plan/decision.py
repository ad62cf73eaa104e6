"""What a plan decides for one table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.options.option_set import OptionSet
from shardplan.sharding.kernel import CACHING_KERNELS, KERNELS, Kernel
from shardplan.sharding.kind import SHARDING_TYPES, ShardingType

if TYPE_CHECKING:
    from collections.abc import Sequence


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
    """Share of the rows that the cache in HBM holds; only for kernels that cache."""
    ddr_load_factor: float = 0.0
    """Share of the rows that a cache in DDR holds besides; only for ``key_value``."""


def options_of(decisions: Sequence[Decision]) -> OptionSet:
    """One option per decision, in the same order."""
    options = OptionSet.uncached(
        np.array([d.table for d in decisions], dtype=np.int32),
        np.array([SHARDING_TYPES.index(d.sharding) for d in decisions], dtype=np.int8),
        np.array([KERNELS.index(d.kernel) for d in decisions], dtype=np.int8),
        np.array([d.column_shards for d in decisions], dtype=np.int32),
    )
    cached = options.has_kernel(*CACHING_KERNELS)
    hbm_share = np.array([d.load_factor or 0.0 for d in decisions], dtype=np.float64)
    ddr_share = np.array([d.ddr_load_factor for d in decisions], dtype=np.float64)
    return replace(
        options,
        hbm_share=np.where(cached, hbm_share, options.hbm_share),
        ddr_share=np.where(cached, ddr_share, options.ddr_share),
    )
