"""Shards as TorchRec's estimator sees them: what a shard of each type reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.sharding.kind import SHARDING_TYPES, ShardingType

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Ranks:
    """How many devices there are, and how they are grouped."""

    world_size: int
    local_world_size: int
    pod_size: int = 1
    """Nodes over which a table-row-wise table is spread."""

    @property
    def group_size(self) -> int:
        """Devices over which a table-row-wise table is spread."""
        return self.pod_size * self.local_world_size

    @property
    def groups(self) -> int:
        """How many such groups there are."""
        return max(1, self.world_size // self.group_size)


@dataclass(frozen=True, slots=True)
class ShardArrays:
    """K shards; every array has length K."""

    sharding: NDArray[np.int8]
    """Position in ``SHARDING_TYPES``."""
    rows: Values
    columns: Values
    ids: Values
    """Of the table, in the batch of one device."""
    outputs: Values
    """Vectors that the table gives for the batch of one device: per feature and sample one when
    pooled, but not more than there are ids (TorchRec takes the smaller of 1 and the pooling)."""
    element_bytes: Values
    is_weighted: Mask
    is_pooled: Mask

    @property
    def is_replicated(self) -> Mask:
        """Data-parallel."""
        return self._is(ShardingType.DATA_PARALLEL)

    @property
    def is_row_wise(self) -> Mask:
        """Cut into rows over all devices."""
        return self._is(ShardingType.ROW_WISE)

    @property
    def is_in_group(self) -> Mask:
        """Cut into rows over the devices of one group."""
        return self._is(ShardingType.TABLE_ROW_WISE, ShardingType.GRID_SHARD)

    @property
    def is_whole(self) -> Mask:
        """With all rows, on one device: table-, column- or table-column-wise."""
        return ~(self.is_replicated | self.is_row_wise | self.is_in_group)

    def row_shards(self, ranks: Ranks) -> Values:
        """(K,): over how many devices the rows, and so the ids, are spread."""
        return np.select(
            [self.is_row_wise, self.is_in_group], [ranks.world_size, ranks.group_size], 1
        ).astype(np.float64)

    def ids_received(self, ranks: Ranks) -> Values:
        """(K,): ids that the shard looks up in one step."""
        return self.ids / self.row_shards(ranks) * self._batches(ranks)

    def outputs_written(self, ranks: Ranks) -> Values:
        """(K,): vectors that the shard writes in one step: partial sums when rows are pooled."""
        spread = np.where(self.is_pooled, 1, self.row_shards(ranks))
        return self.outputs / spread * self._batches(ranks)

    def _batches(self, ranks: Ranks) -> Values:
        return np.where(self.is_replicated, 1, ranks.world_size).astype(np.float64)

    def _is(self, *types: ShardingType) -> Mask:
        return np.isin(self.sharding, [SHARDING_TYPES.index(t) for t in types])
