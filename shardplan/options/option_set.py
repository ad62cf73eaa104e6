"""All ways to shard all tables of a problem, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.sharding.kernel import KERNELS, Kernel
from shardplan.sharding.kind import SHARDING_TYPES, ShardingType

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class OptionSet:
    """Options in rows; row ``o`` is one way to shard table ``table[o]``.

    All arrays have length O, the number of options. A shard is ``dim / column_shards`` columns
    wide and ``ceil(rows / row_shards)`` rows high, where ``row_shards`` follows from the type:
    the world size for row-wise, the devices of a node for table-row-wise and grid, else 1.
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

    @classmethod
    def uncached(
        cls,
        table: NDArray[np.int32],
        sharding: NDArray[np.int8],
        kernel: NDArray[np.int8],
        column_shards: NDArray[np.int32],
    ) -> Self:
        """Options whose rows lie in one tier, or whose caches are empty."""
        in_hbm = np.isin(kernel, [KERNELS.index(Kernel.DENSE), KERNELS.index(Kernel.FUSED)])
        none = np.zeros(len(table))
        return cls(table, sharding, kernel, column_shards, in_hbm.astype(np.float64), none)

    def __len__(self) -> int:
        return len(self.table)

    def sharding_type(self, option: int) -> ShardingType:
        """The sharding type of one option."""
        return SHARDING_TYPES[int(self.sharding[option])]

    def compute_kernel(self, option: int) -> Kernel:
        """The kernel of one option."""
        return KERNELS[int(self.kernel[option])]

    def is_type(self, *types: ShardingType) -> NDArray[np.bool_]:
        """A mask of the options of any of ``types``."""
        mask: NDArray[np.bool_] = np.isin(self.sharding, [SHARDING_TYPES.index(t) for t in types])
        return mask

    def has_kernel(self, *kernels: Kernel) -> NDArray[np.bool_]:
        """A mask of the options with any of ``kernels``."""
        mask: NDArray[np.bool_] = np.isin(self.kernel, [KERNELS.index(k) for k in kernels])
        return mask

    def blends(self) -> NDArray[np.int64]:
        """(O,): which options can be mixed: those of one number differ in the sizes of caches only.

        A cache may hold any share of the rows, so that between two options lie all their mixes.
        """
        ways = np.column_stack([self.table, self.sharding, self.kernel, self.column_shards])
        _, blend = np.unique(ways, axis=0, return_inverse=True)
        numbers: NDArray[np.int64] = blend.reshape(-1).astype(np.int64)
        return numbers
