"""The store of a group of shards, by its compute kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.executor.row_store import ResidentStore, RowFormat

if TYPE_CHECKING:
    from shardplan.executor.layout import GroupLayout
    from shardplan.executor.memory_pool import Pools
    from shardplan.executor.optimizer_settings import OptimizerSettings
    from shardplan.executor.row_store import RowStore


def store_of(layout: GroupLayout, optimizer: OptimizerSettings, pools: Pools) -> RowStore:
    """Room for the rows of a group. Raises MemoryExceeded where a tier has none."""
    table = layout.shards[0].table
    rows = layout.base_rows[-1]
    made_of = RowFormat(layout.width, table.dtype, optimizer.state_columns(layout.width))
    pool = pools.ddr if table.kernel == "fused_uvm" else pools.hbm
    return ResidentStore(made_of.allocate(pool, rows), pools.hbm.device)
