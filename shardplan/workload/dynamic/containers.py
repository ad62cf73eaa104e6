"""Dynamic tables that share a container, and so one budget of HBM."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shardplan.workload.dynamic.dynamic import DynamicMode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.workload.dynamic.layout import DynamicLayout
    from shardplan.workload.table import Table


def container_key(table: Table) -> tuple[object, ...] | None:
    """Equal for tables of one container; None of a table that is not dynamic.

    dynamicemb puts the tables of a module into one container whose options are equal
    (``DynamicEmbTableOptions.get_grouped_key``), whatever their budgets and columns. Whether they
    cache is such an option: tables that are to cache and tables that are not lie apart.
    """
    if table.dynamic is None:
        return None
    alike = replace(table.dynamic, mode=DynamicMode.AUTO, hbm_bytes=None, hbm_share=None)
    caches = table.dynamic.mode is DynamicMode.CACHING
    return table.module, table.dtype, alike, caches


def containers(tables: Sequence[Table]) -> tuple[tuple[int, ...], ...]:
    """The positions of the tables of each container, rising."""
    found: dict[tuple[object, ...], list[int]] = {}
    for index, table in enumerate(tables):
        key = container_key(table)
        if key is not None:
            found.setdefault(key, []).append(index)
    return tuple(map(tuple, found.values()))


def pooled_share(layouts: Sequence[DynamicLayout], hbm_bytes: Sequence[int]) -> float:
    """Of all values of a container, what its tables' budgets on a device have room for together."""
    return sum(hbm_bytes) / sum(each.all_value_bytes for each in layouts)
