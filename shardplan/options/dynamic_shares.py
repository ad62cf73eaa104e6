"""How much of dynamic tables HBM may hold: alike for all tables of a container."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.sharding.kernel import Kernel
from shardplan.workload.dynamic.containers import containers, pooled_share
from shardplan.workload.dynamic.dynamic import DynamicMode
from shardplan.workload.dynamic.layout import HBM_BUCKET_ROWS, DynamicLayout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shardplan.options.option_set import OptionSet
    from shardplan.sharding.world import World
    from shardplan.workload.table import Table
    from shardplan.workload.workload import Workload

KERNEL_OF_MODE: Mapping[DynamicMode, Kernel] = {
    DynamicMode.HBM: Kernel.DYNAMIC_HBM,
    DynamicMode.CACHING: Kernel.DYNAMIC_CACHING,
    DynamicMode.HYBRID: Kernel.DYNAMIC_HYBRID,
    DynamicMode.HOST: Kernel.DYNAMIC_HOST,
}
"""The kernel of each mode that a plan may give a table."""
MODE_OF_KERNEL: Mapping[Kernel, DynamicMode] = {
    kernel: mode for mode, kernel in KERNEL_OF_MODE.items()
}

_AUTO = frozenset(KERNEL_OF_MODE.values())
_PARTLY = frozenset({Kernel.DYNAMIC_CACHING, Kernel.DYNAMIC_HYBRID})
"""Where HBM holds some of the values."""


@dataclass(frozen=True)
class Container:
    """Dynamic tables that share one budget of HBM."""

    tables: tuple[int, ...]
    """Positions in the workload, rising."""
    layouts: tuple[DynamicLayout, ...]
    """Of each."""

    @property
    def pinned_share(self) -> float | None:
        """Of all values, what has room in HBM by the spec; None where it does not say."""
        pinned = [layout.pinned_bytes for layout in self.layouts]
        given = [each for each in pinned if each is not None]
        return pooled_share(self.layouts, given) if len(given) == len(pinned) else None

    @cached_property
    def kernels(self) -> frozenset[Kernel]:
        """Those that its tables may use, by their modes and their budget."""
        modes = {layout.dynamic.mode for layout in self.layouts} - {DynamicMode.AUTO}
        asked = _AUTO.intersection(*(frozenset({KERNEL_OF_MODE[mode]}) for mode in modes))
        share = self.pinned_share
        if share is not None:
            whole = Kernel.DYNAMIC_HBM if share >= 1 else Kernel.DYNAMIC_HOST
            return asked & (_PARTLY if 0 < share < 1 else frozenset({whole}))
        return asked if modes or self.least_share < 1 else asked - _PARTLY

    @property
    def least_share(self) -> float:
        """Of a bucket in HBM of its largest table."""
        return min(layout.least_share for layout in self.layouts)

    def whole_share(self, shares: Sequence[float]) -> float:
        """The share of all values for which HBM holds no more of any table than its share."""
        pinned = self.pinned_share
        if pinned is not None:
            return pinned
        whole = (each.whole_share(of) for each, of in zip(self.layouts, shares, strict=True))
        return min(whole)

    def budgets(self, share: float) -> tuple[int, ...]:
        """HBM for values of each table on a device: what the spec says, or this share of them."""
        pinned = [layout.pinned_bytes for layout in self.layouts]
        wanted = [ceil(share * layout.all_value_bytes - _FORGIVEN_BYTES) for layout in self.layouts]
        return tuple(
            own if given is None else given for own, given in zip(wanted, pinned, strict=True)
        )

    def option_shares(self, kernel: Kernel, share: float) -> tuple[tuple[float, float], ...]:
        """Of each table's rows those in HBM, and on the host besides, for a share of all values.

        At least a bucket lies in HBM. Where rows are split, the host has room for those of another
        bucket too: a plan takes whole buckets, and so may leave as many to it.
        """
        pinned = self.pinned_share
        found = []
        for layout in self.layouts:
            if pinned is not None:
                hbm, host = layout.hbm_rows(pinned), layout.host_rows_beside(pinned)
                found.append((hbm / layout.rows, host / layout.rows))
            else:
                spare = (HBM_BUCKET_ROWS + layout.dynamic.bucket_rows) / layout.rows
                found.append((max(share, layout.least_share), min(1.0, 1 - share + spare)))
        return tuple((hbm, host if kernel.is_split else 0.0) for hbm, host in found)

    def shares_of(self, kernel: Kernel, share: float) -> tuple[tuple[float, float], ...]:
        """The same of a plan, to the row."""
        hbm_bytes = self.budgets(share)
        real = pooled_share(self.layouts, hbm_bytes)
        return tuple(
            (
                layout.hbm_rows(real) / layout.rows,
                layout.host_rows_beside(real) / layout.rows if kernel.is_split else 0.0,
            )
            for layout in self.layouts
        )


_FORGIVEN_BYTES = 1e-3
"""Of a budget: what rounding may have added to whole rows."""


@dataclass(frozen=True)
class PooledShares:
    """The dynamic tables of a workload."""

    containers: tuple[Container, ...]

    @classmethod
    def of(cls, workload: Workload, world: World) -> Self:
        """Lay out its tables on all devices."""
        optimizer = workload.training.optimizer

        def layout(table: Table) -> DynamicLayout:
            return DynamicLayout.of(table, optimizer, world.size)

        return cls(
            tuple(
                Container(tables, tuple(layout(workload.tables[each]) for each in tables))
                for tables in containers(workload.tables)
            )
        )

    @cached_property
    def of_table(self) -> dict[int, tuple[Container, int]]:
        """By table, its container and its position there."""
        return {
            table: (container, position)
            for container in self.containers
            for position, table in enumerate(container.tables)
        }

    @property
    def kernels(self) -> dict[int, frozenset[Kernel]]:
        """By table, those that it may use."""
        return {table: container.kernels for table, (container, _) in self.of_table.items()}

    def layout(self, table: int) -> DynamicLayout:
        """Of one table. Raises KeyError where it is not dynamic."""
        container, position = self.of_table[table]
        return container.layouts[position]

    def applied(self, options: OptionSet) -> OptionSet:
        """Options whose shares are those that dynamic tables may have.

        Those that come to be alike are left out but for the first, so that all tables of a
        container have as many of a kernel, in the same order.
        """
        chosen = np.flatnonzero(options.has_kernel(lambda kernel: kernel.is_dynamic_part))
        if not len(chosen):
            return options
        hbm, host = options.hbm_share.copy(), options.ddr_share.copy()
        keep = np.ones(len(options), dtype=bool)
        known: set[tuple[object, ...]] = set()
        for row in chosen.tolist():
            container, position = self.of_table[int(options.table[row])]
            kernel = options.compute_kernel(row)
            share = max(float(hbm[row]), container.least_share)
            if container.pinned_share is not None:
                share = container.pinned_share
            way = (int(options.table[row]), kernel, int(options.sharding[row]), share)
            keep[row] = way not in known
            known.add(way)
            hbm[row], host[row] = container.option_shares(kernel, share)[position]
        return replace(options, hbm_share=hbm, ddr_share=host).take(keep)
