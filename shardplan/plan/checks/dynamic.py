"""What a plan hands out of dynamic tables gives them the rows that it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.options.dynamic_shares import MODE_OF_KERNEL, PooledShares
from shardplan.plan.finding import Finding
from shardplan.workload.dynamic.containers import pooled_share
from shardplan.workload.dynamic.dynamic import DynamicMode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.case import Case
    from shardplan.options.dynamic_shares import Container
    from shardplan.plan.file.table_entry import DynamicEntry
    from shardplan.plan.planned import Planned
    from shardplan.workload.dynamic.layout import DynamicLayout


def check_dynamic(planned: Sequence[Planned], case: Case) -> Iterator[Finding]:
    """Dynamic tables, and no others, run as such; their budgets come to the rows that are stated.

    Budgets are followed as dynamicemb does, which pools those of a container.
    """
    pooled = PooledShares.of(case.workload, case.topology.world)
    of_index = {table.index: table for table in planned}
    for table in planned:
        yield from _check_kind(table, pooled)
    for container in pooled.containers:
        tables = [of_index[index] for index in container.tables if index in of_index]
        entries = [table.entry.dynamic for table in tables if table.entry.dynamic is not None]
        if len(entries) == len(container.tables):
            yield from _check_container(container, tables, entries)


def _check_kind(table: Planned, pooled: PooledShares) -> Iterator[Finding]:
    """The kernel is one of the table's, and the plan has what such tables need."""
    kernel, is_dynamic = table.entry.compute_kernel, table.index in pooled.of_table
    if kernel.is_dynamic != is_dynamic:
        is_one = "is dynamic" if is_dynamic else "is not dynamic"
        yield Finding("dynamic", table.where, f"runs {kernel}; by the spec the table {is_one}")
    elif is_dynamic and kernel not in pooled.kernels[table.index]:
        allowed = ", ".join(sorted(map(str, pooled.kernels[table.index]))) or "none"
        yield Finding("dynamic", table.where, f"runs {kernel}; the spec leaves {allowed}")
    if is_dynamic and table.entry.dynamic is None:
        yield Finding("dynamic", f"{table.where}.dynamic", "is missing")
    elif not is_dynamic and table.entry.dynamic is not None:
        yield Finding("dynamic", f"{table.where}.dynamic", "is there, but the table is plain")


def _check_container(
    container: Container, tables: Sequence[Planned], entries: Sequence[DynamicEntry]
) -> Iterator[Finding]:
    kernels = {table.entry.compute_kernel for table in tables}
    if len(kernels) > 1:
        names = ", ".join(sorted(map(str, kernels)))
        message = f"shares a container with tables that run otherwise ({names})"
        yield Finding("dynamic", tables[0].where, message)
        return
    each = zip(container.layouts, entries, strict=True)
    budgets = [-(-entry.global_hbm_for_values // layout.devices) for layout, entry in each]
    share = pooled_share(container.layouts, budgets)
    mode = _mode(share, entries[0].caching)
    for table, layout, entry, budget in zip(
        tables, container.layouts, entries, budgets, strict=True
    ):
        wanted = dict(_wanted(layout, mode, share))
        if layout.pinned_bytes not in (None, budget):
            message = f"is {budget} on each device; the spec gives {layout.pinned_bytes}"
            yield Finding("dynamic", f"{table.where}.dynamic.global_hbm_for_values", message)
        if MODE_OF_KERNEL.get(table.entry.compute_kernel) is not entry.mode:
            message = f"is {entry.mode}; the kernel is {table.entry.compute_kernel}"
            yield Finding("dynamic", f"{table.where}.dynamic.mode", message)
        for key, value in wanted.items():
            if getattr(entry, key) != value:
                message = f"is {getattr(entry, key)}; by the spec and the budgets it is {value}"
                yield Finding("dynamic", f"{table.where}.dynamic.{key}", message)


def _mode(share: float, caching: bool) -> DynamicMode:
    """What dynamicemb makes of a share of all values that has room in HBM."""
    if share >= 1:
        return DynamicMode.HBM
    if share <= 0:
        return DynamicMode.HOST
    return DynamicMode.CACHING if caching else DynamicMode.HYBRID


def _wanted(layout: DynamicLayout, mode: DynamicMode, share: float) -> Iterator[tuple[str, object]]:
    """What an entry has to say of one table."""
    is_split, is_caching = mode is DynamicMode.HYBRID, mode is DynamicMode.CACHING
    has_part = is_split or is_caching
    yield "mode", mode
    yield "caching", is_caching
    yield "dist_type", layout.dynamic.dist
    yield "bucket_capacity", layout.dynamic.bucket_rows
    yield "evict", layout.dynamic.evict
    yield "value_bytes_per_row", layout.value_bytes
    yield "rows_per_rank", layout.rows
    in_hbm = layout.rows if mode is DynamicMode.HBM else 0
    yield "hbm_rows_per_rank", layout.hbm_rows(share) if has_part else in_hbm
    beside = layout.host_rows_beside(share) if is_split else layout.rows
    yield "host_rows_per_rank", 0 if mode is DynamicMode.HBM else beside
