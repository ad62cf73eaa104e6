"""How much of dynamic tables HBM may hold: alike for all tables of a container."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.options.load_factors import LOAD_FACTORS
from shardplan.sharding.kernel import Kernel
from shardplan.workload.dynamic.containers import containers, pooled_share
from shardplan.workload.dynamic.dynamic import DynamicMode
from shardplan.workload.dynamic.layout import HBM_BUCKET_ROWS, DynamicLayout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

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

    @property
    def _most_share(self) -> float:
        """Beyond which all values have room in HBM."""
        return max((layout.rows - 1) / layout.rows for layout in self.layouts)

    @cached_property
    def steps(self) -> tuple[float, ...]:
        """The shares of all values that are planned with, rising: at each HBM's buckets are full.

        Of tables with few buckets these are all that there are; of others those next to the sizes
        of caches, between which misses are straight.
        """
        if self.pinned_share is not None:
            return (self.pinned_share,)
        large = max(layout.rows for layout in self.layouts)
        found: set[float] = set()
        for rows in {layout.rows for layout in self.layouts}:
            last = -(-rows // HBM_BUCKET_ROWS) - 1
            if last <= _FEW_BUCKETS:
                buckets = {*range(1, last + 1)}
            elif rows == large:
                near = {int(share * rows) // HBM_BUCKET_ROWS for share in LOAD_FACTORS}
                buckets = {1, last, *near, *(each + 1 for each in near)}
            else:
                continue
            found |= {each * HBM_BUCKET_ROWS / rows for each in buckets if 0 < each <= last}
        ends = sorted(share for share in found if share < self._most_share)
        return (*ends[:: max(1, -(-len(ends) // _MOST_STEPS))], self._most_share)

    @cached_property
    def is_exact(self) -> bool:
        """Whether no budget has other rows in HBM than one of the steps."""
        most = max(layout.rows for layout in self.layouts)
        few = most <= _FEW_BUCKETS * HBM_BUCKET_ROWS
        ends = sum(-(-rows // HBM_BUCKET_ROWS) for rows in {each.rows for each in self.layouts})
        return self.pinned_share is not None or (few and ends < _MOST_STEPS)

    def whole_share(self, shares: Sequence[float]) -> float:
        """The largest share of all values for which HBM holds these shares of the tables' rows."""
        if self.pinned_share is not None:
            return self.pinned_share
        parts = zip(self.layouts, shares, strict=True)
        whole = (each.whole_share(of) for each, of in parts if of < 1)
        return min((self._most_share, *whole))

    def fitting_share(self, kernel: Kernel, hbm_bytes: float) -> float:
        """The largest share of all values that takes no more HBM of a device; the least, at least.

        ``hbm_bytes`` are those that ``varying_bytes`` counts.
        """
        if self.pinned_share is not None:
            return self.pinned_share
        low, high = self._full(0.0), self._most_share
        wanted = hbm_bytes * (1 + _ROUNDING) + _FORGIVEN_BYTES
        if self._bytes_at(kernel, high) <= wanted:
            return high
        while high - low > _FINEST_SHARE:
            middle = (low + high) / 2
            fits = self._bytes_at(kernel, self._full(middle)) <= wanted
            low, high = (middle, high) if fits else (low, middle)
        return self._full(low)

    def varying_bytes(self, kernel: Kernel, shares: Sequence[tuple[float, float]]) -> float:
        """Of a device's HBM, what depends on the shares of the tables' rows there and beside."""
        return sum(
            layout.varying_hbm_bytes(hbm * layout.rows, host * layout.rows * kernel.is_split)
            for layout, (hbm, host) in zip(self.layouts, shares, strict=True)
        )

    def _bytes_at(self, kernel: Kernel, share: float) -> float:
        return self.varying_bytes(kernel, self.shares_of(kernel, share))

    def _full(self, share: float) -> float:
        """The largest share with as many buckets in HBM."""
        return self.whole_share([each.hbm_rows(share) / each.rows for each in self.layouts])

    def budgets(self, share: float) -> tuple[int, ...]:
        """HBM for values of each table on a device: what the spec says, or this share of them."""
        pinned = [layout.pinned_bytes for layout in self.layouts]
        wanted = [ceil(share * layout.all_value_bytes - _FORGIVEN_BYTES) for layout in self.layouts]
        return tuple(
            own if given is None else given for own, given in zip(wanted, pinned, strict=True)
        )

    def shares_of(self, kernel: Kernel, share: float) -> tuple[tuple[float, float], ...]:
        """Of each table's rows those in HBM, and on the host besides, for a share of all values.

        To the row, as dynamicemb has them: whole buckets, of which HBM has one at least.
        """
        hbm_bytes = self.budgets(share)
        real = pooled_share(self.layouts, hbm_bytes)
        return tuple(
            (
                layout.hbm_rows(real) / layout.rows,
                layout.host_rows_beside(real) / layout.rows if kernel.is_split else 0.0,
            )
            for layout in self.layouts
        )

    @cached_property
    def option_shares(self) -> dict[Kernel, tuple[tuple[tuple[float, float], ...], ...]]:
        """By kernel, the same for each of the steps; those that come to be alike are left out."""
        return {
            kernel: tuple(dict.fromkeys(self.shares_of(kernel, share) for share in self.steps))
            for kernel in _PARTLY
        }


_FORGIVEN_BYTES = 1e-3
"""Of a budget: what rounding may have added to whole rows."""
_ROUNDING = 1e-9
"""Of bytes that were added up."""
_FINEST_SHARE = 1e-10
"""Of all values: buckets that lie closer together are taken for one."""
_FEW_BUCKETS = 64
"""In HBM, of a table on a device; each of them is a step then."""
_MOST_STEPS = 256
"""Of a container."""


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

    def is_exact_part(self, options: OptionSet) -> NDArray[np.bool_]:
        """(O,): whether a dynamic table is split so between HBM and host that no mix of it with
        other options stands for a budget: the options are all that there are."""
        part = options.has_kernel(lambda kernel: kernel.is_dynamic_part)
        exact = [t for container in self.containers if container.is_exact for t in container.tables]
        return part & np.isin(options.table, exact)

    def spare_bytes(self, options: OptionSet) -> NDArray[np.float64]:
        """(O,): DDR of a device that a mix of split options may need beside their own.

        HBM has whole buckets, and so may leave one of each table to the host, whose buckets are
        whole too.
        """
        spare = np.zeros(len(options))
        split = options.has_kernel(lambda kernel: kernel.is_split) & ~self.is_exact_part(options)
        for option in np.flatnonzero(split).tolist():
            layout = self.layout(int(options.table[option]))
            rows = HBM_BUCKET_ROWS + layout.dynamic.bucket_rows
            spare[option] = rows * layout.value_bytes
        return spare

    def applied(self, options: OptionSet) -> OptionSet:
        """Options whose shares are those that dynamic tables may have.

        In place of whatever shares the options of a table and kernel had; all tables of a container
        have as many of a kernel, in the same order.
        """
        part = options.has_kernel(lambda kernel: kernel.is_dynamic_part)
        if not part.any():
            return options
        taken: list[int] = []
        shares: dict[int, tuple[float, float]] = {}
        known: set[tuple[int, int, int]] = set()
        for row in range(len(options)):
            if not part[row]:
                taken.append(row)
                continue
            way = int(options.table[row]), int(options.kernel[row]), int(options.sharding[row])
            if way in known:
                continue
            known.add(way)
            container, position = self.of_table[way[0]]
            for each in container.option_shares[options.compute_kernel(row)]:
                shares[len(taken)] = each[position]
                taken.append(row)
        found = options.take(np.array(taken, dtype=np.int64))
        hbm, host = found.hbm_share.copy(), found.ddr_share.copy()
        for row, (near, far) in shares.items():
            hbm[row], host[row] = near, far
        return replace(found, hbm_share=hbm, ddr_share=host)
