"""What a plan hands out of dynamic tables, by its decisions, and what its budgets come to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.options.dynamic_shares import MODE_OF_KERNEL
from shardplan.plan.file.table_entry import DynamicEntry
from shardplan.workload.dynamic.dynamic import DynamicMode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.options.dynamic_shares import Container, PooledShares
    from shardplan.plan.decision import Decision
    from shardplan.sharding.kernel import Kernel
    from shardplan.workload.dynamic.layout import DynamicLayout


def dynamic_entries(
    decisions: Mapping[int, Decision], pooled: PooledShares
) -> dict[int, DynamicEntry]:
    """By table, of all containers whose tables have a decision each and one kernel together."""
    found: dict[int, DynamicEntry] = {}
    for container in pooled.containers:
        own = [decisions[table] for table in container.tables if table in decisions]
        kernels = {decision.kernel for decision in own}
        if len(own) == len(container.tables) and len(kernels) == 1:
            entries = _entries(container, kernels.pop(), own)
            found |= dict(zip(container.tables, entries, strict=True))
    return found


def _entries(container: Container, kernel: Kernel, decisions: list[Decision]) -> list[DynamicEntry]:
    """Of a container's tables.

    The share that all have room for is that of the table of which HBM has least.
    """
    layouts = container.layouts
    if not kernel.is_dynamic_part:
        return [_whole(kernel, layout) for layout in layouts]
    share = container.whole_share([decision.load_factor or 0.0 for decision in decisions])
    budgets, shares = container.budgets(share), container.shares_of(kernel, share)
    return [
        _entry(
            kernel,
            layout,
            budget,
            round(hbm * layout.rows),
            round(host * layout.rows) if kernel.is_split else layout.rows,
        )
        for layout, budget, (hbm, host) in zip(layouts, budgets, shares, strict=True)
    ]


def _whole(kernel: Kernel, layout: DynamicLayout) -> DynamicEntry:
    """Of a table whose values lie in one tier."""
    if MODE_OF_KERNEL[kernel] is DynamicMode.HOST:
        return _entry(kernel, layout, 0, 0, layout.rows)
    pinned = layout.pinned_bytes or 0
    return _entry(kernel, layout, max(pinned, layout.all_value_bytes), layout.rows, 0)


def _entry(
    kernel: Kernel, layout: DynamicLayout, budget: int, hbm_rows: int, host_rows: int
) -> DynamicEntry:
    dynamic = layout.dynamic
    given = dynamic.hbm_bytes
    return DynamicEntry(
        mode=MODE_OF_KERNEL[kernel],
        caching=MODE_OF_KERNEL[kernel] is DynamicMode.CACHING,
        global_hbm_for_values=budget * layout.devices if given is None else given,
        dist_type=dynamic.dist,
        bucket_capacity=dynamic.bucket_rows,
        evict=dynamic.evict,
        value_bytes_per_row=layout.value_bytes,
        rows_per_rank=layout.rows,
        hbm_rows_per_rank=hbm_rows,
        host_rows_per_rank=host_rows,
    )
