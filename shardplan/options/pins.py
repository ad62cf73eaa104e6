"""What a demand fixes of how tables are cut and kept, beyond types, kernels and ranks."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from shardplan.sharding.kernel import KERNELS, MemoryTier
from shardplan.sharding.kind import SHARDING_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.sharding.kernel import Kernel
    from shardplan.sharding.kind import ShardingType


@dataclass(frozen=True, slots=True)
class Pins:
    """Each that is not None must hold; each says in words what it is that it forbids."""

    load_factor: float | None = None
    """Of a cache in HBM, which the table then has."""
    column_shards: int | None = None
    """Into how many its columns are cut; 1: not at all."""
    min_width: int | None = None
    """Columns of a column shard, at least."""
    column_blocks: tuple[int, ...] = ()
    """Columns of each column shard, which are placed each for itself."""
    hbm_only: bool = False
    """Rows and optimizer state lie in HBM alone."""
    hot_rows: int | None = None
    """The hottest rows that every device holds, beside its part of the others."""

    def __bool__(self) -> bool:
        return self != NO_PINS

    @property
    def names(self) -> tuple[str, ...]:
        """Of those that hold, as a spec calls them."""
        every = [each.name for each in fields(self)]
        return tuple(name for name in every if getattr(self, name) != getattr(NO_PINS, name))

    @property
    def each(self) -> tuple[Pins, ...]:
        """One by one."""
        return tuple(replace(NO_PINS, **{name: getattr(self, name)}) for name in self.names)

    @property
    def narrows_types(self) -> bool:
        """Whether it forbids any sharding type."""
        return any(map(self.kind_fault, SHARDING_TYPES))

    @property
    def narrows_kernels(self) -> bool:
        """Whether it forbids any kernel."""
        return any(map(self.kernel_fault, KERNELS))

    def kind_fault(self, kind: ShardingType) -> str:
        """What forbids a sharding type."""
        if self.column_blocks and not (kind.cuts_columns and kind.has_many_units):
            return f"cuts columns into blocks of {' + '.join(map(str, self.column_blocks))}"
        if self.hot_rows is not None and not kind.keeps_hot_rows:
            return f"keeps its {self.hot_rows:,} hottest rows on every device"
        if self.column_shards is None or kind.cuts_columns == (self.column_shards > 1):
            return ""
        return self._cut_words

    def kernel_fault(self, kernel: Kernel) -> str:
        """What forbids a kernel."""
        if self.hbm_only and (kernel.needs_ddr or kernel.rows_in is not MemoryTier.HBM):
            return "keeps it in HBM alone"
        if self.load_factor is not None and (not kernel.caches or kernel.is_dynamic):
            return f"pins a cache of {self.load_factor:.6g} of the rows"
        return ""

    def cut_fault(self, width: int, column_shards: int) -> str:
        """What forbids so many column shards, the narrowest of which is ``width`` columns wide."""
        if self.column_shards is not None and self.column_shards != column_shards:
            return self._cut_words
        if column_shards > 1 and self.min_width is not None and width < self.min_width:
            return f"makes column shards {self.min_width:,} columns wide at least"
        return ""

    def broken(
        self,
        kind: ShardingType,
        kernel: Kernel,
        widths: tuple[int, ...],
        load_factor: float | None,
        hot_rows: int = 0,
    ) -> Iterator[str]:
        """What of an entry of a plan is otherwise; ``widths`` are those of its column shards."""
        if self.hbm_only and self.kernel_fault(kernel):
            yield f"runs {kernel}; the spec keeps it in HBM alone"
        if self.load_factor is not None and load_factor != self.load_factor:
            held = "no cache" if load_factor is None else f"a cache of {load_factor} of the rows"
            yield f"has {held}; the spec pins {self.load_factor}"
        if self.hot_rows not in (None, hot_rows):
            held = f"its {hot_rows:,} hottest rows" if hot_rows else "none of its rows"
            yield f"keeps {held} on every device; the spec pins {self.hot_rows:,}"
        count = 1 if kind.is_replicated else len(widths)
        if self.column_shards is not None and count != self.column_shards:
            yield f"has {count} column shards; the spec pins {self.column_shards}"
        if self.column_blocks and widths != self.column_blocks:
            yield f"has column shards of {widths} columns; the spec pins {self.column_blocks}"
        if count > 1 and self.min_width is not None and min(widths) < self.min_width:
            yield (
                f"has a column shard {min(widths)} columns wide; the spec asks for "
                f"{self.min_width} at least"
            )

    @property
    def _cut_words(self) -> str:
        if self.column_shards == 1:
            return "leaves columns whole"
        return f"cuts columns into {self.column_shards:,} shards"


NO_PINS = Pins()
"""Of a demand that fixes nothing of the kind."""
