"""All ways to shard all tables of a problem, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.sharding.kernel import KERNELS, Kernel, MemoryTier
from shardplan.sharding.kind import SHARDING_TYPES, ShardingType

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from shardplan.sharding.world import World


@dataclass(frozen=True, slots=True)
class OptionSet:
    """Options in rows; row ``o`` is one way to shard table ``table[o]``.

    All arrays have length O, the number of options. A shard is ``dim / column_shards`` columns
    wide, or as ``widest`` says, and ``ceil(rows / row_shards)`` rows high.
    """

    table: NDArray[np.int32]
    sharding: NDArray[np.int8]
    """Position in ``SHARDING_TYPES``."""
    kernel: NDArray[np.int8]
    """Position in ``KERNELS``."""
    column_shards: NDArray[np.int32]
    hbm_share: NDArray[np.float64]
    """Of the rows of each shard, those that HBM holds: all, a cache of some, or none."""
    ddr_share: NDArray[np.float64]
    """Of the rows of each shard, those that a cache in DDR above SSD holds besides."""
    widest: NDArray[np.int32]
    """Columns of the widest column shard, where they are not all alike; else 0."""
    hot_rows: NDArray[np.int64]
    """The hottest rows of the table that every device holds besides; 0 for none."""

    @classmethod
    def uncached(
        cls,
        table: NDArray[np.int32],
        sharding: NDArray[np.int8],
        kernel: NDArray[np.int8],
        column_shards: NDArray[np.int32],
        widest: NDArray[np.int32] | None = None,
        hot_rows: NDArray[np.int64] | None = None,
    ) -> Self:
        """Options whose rows lie in one tier, or whose caches are empty."""
        in_hbm = KERNELS.each(lambda each: each.rows_in is MemoryTier.HBM, kernel)
        none = np.zeros(len(table))
        if widest is None:
            widest = np.zeros(len(table), dtype=np.int32)
        if hot_rows is None:
            hot_rows = np.zeros(len(table), dtype=np.int64)
        shares = in_hbm.astype(np.float64), none
        return cls(table, sharding, kernel, column_shards, *shares, widest, hot_rows)

    def __len__(self) -> int:
        return len(self.table)

    def take(self, options: NDArray[np.bool_] | NDArray[np.int64]) -> OptionSet:
        """Some options, by a mask (O,) or by numbers."""
        return OptionSet(*(getattr(self, name)[options] for name in self.__slots__))

    def columns(self, dim: NDArray[np.int64]) -> NDArray[np.int64]:
        """(O,): columns of a shard of tables with ``dim`` (O,) columns; of the widest."""
        return np.where(self.widest > 0, self.widest, -(-dim // self.column_shards))

    def sharding_type(self, option: int) -> ShardingType:
        """The sharding type of one option."""
        return SHARDING_TYPES[int(self.sharding[option])]

    def compute_kernel(self, option: int) -> Kernel:
        """The kernel of one option."""
        return KERNELS[int(self.kernel[option])]

    def has_type(self, trait: Callable[[ShardingType], bool]) -> NDArray[np.bool_]:
        """(O,): whether the sharding type has a trait."""
        return SHARDING_TYPES.each(trait, self.sharding)

    def has_kernel(self, trait: Callable[[Kernel], bool]) -> NDArray[np.bool_]:
        """(O,): whether the kernel has a trait."""
        return KERNELS.each(trait, self.kernel)

    def row_shards(self, world: World) -> NDArray[np.int64]:
        """(O,): over how many devices the rows of a unit are cut."""
        return SHARDING_TYPES.each(lambda kind: world.devices_of(kind.rows), self.sharding)

    def shards_per_device(self, world: World) -> NDArray[np.int64]:
        """(O,): shards of a unit on each device that it lands on."""
        dealt_over = SHARDING_TYPES.each(lambda kind: kind.dealt_over(world), self.sharding)
        return np.where(dealt_over > 0, self.column_shards // np.maximum(dealt_over, 1), 1)

    @property
    def keep_hot_rows(self) -> NDArray[np.bool_]:
        """(O,): whether every device holds some of the rows besides its part of all."""
        return self.has_type(lambda kind: kind.keeps_hot_rows)

    @property
    def units(self) -> NDArray[np.int64]:
        """(O,): how many units the table has."""
        return np.where(self.has_type(lambda kind: kind.has_many_units), self.column_shards, 1)

    def blends(self) -> NDArray[np.int64]:
        """(O,): which options can be mixed: those of one number differ in the sizes of caches only.

        A cache may hold any share of the rows, so that between two options lie all their mixes.
        """
        # One number for each way sorts many times faster than rows of four.
        way = self.table.astype(np.int64)
        _, hot_rows = np.unique(self.hot_rows, return_inverse=True)
        for part in (self.sharding, self.kernel, self.column_shards, hot_rows.reshape(-1)):
            way = way * (int(part.max(initial=0)) + 1) + part
        _, blend = np.unique(way, return_inverse=True)
        numbers: NDArray[np.int64] = blend.reshape(-1).astype(np.int64)
        return numbers
