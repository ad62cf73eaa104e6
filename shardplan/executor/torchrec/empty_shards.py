"""Row shards without a row, of tables with fewer rows than ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.workload.collection import CollectionKind

if TYPE_CHECKING:
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.file.table_facts import TableFacts

_LOOKED_UP_PLAINLY = (CollectionKind.BAG, CollectionKind.SEQUENCE)


def is_accompanied(plan: Plan, table: TableFacts) -> bool:
    """Whether every rank has rows of another table that one kernel looks up with this one's.

    A kernel of FBGEMM that has no row at all crashes; one that has some takes shards without any.
    TorchRec 1.8 makes one of the tables of a module that are cut alike and have the same format,
    pooling and compute kernel (``group_tables``).
    """
    if plan.collection_of(table.module).kind not in _LOOKED_UP_PLAINLY:
        return False
    return _is_cut_by_rows(plan, table) and any(
        other.module == table.module
        and (other.dtype, other.is_mean) == (table.dtype, table.is_mean)
        and _is_cut_by_rows(plan, other)
        and all(shard.shard_sizes[0] for shard in plan.plan[other.module][other.name].shards)
        for other in plan.tables
        if other.name != table.name
    )


def _is_cut_by_rows(plan: Plan, table: TableFacts) -> bool:
    entry = plan.plan.get(table.module, {}).get(table.name)
    return (
        entry is not None
        and entry.sharding_type is ShardingType.ROW_WISE
        and entry.compute_kernel is Kernel.FUSED
    )
