"""Shards as TorchRec's estimator sees them: what a shard of each type reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.output_route import OutputRoute
from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.sharding.world import Extent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.sharding.world import World

    Values = NDArray[np.float64]
    Mask = NDArray[np.bool_]


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
        return SHARDING_TYPES.each(lambda kind: kind.is_replicated, self.sharding)

    @property
    def is_row_wise(self) -> Mask:
        """Cut into rows over all devices."""
        return SHARDING_TYPES.each(lambda kind: kind.rows is Extent.WORLD, self.sharding)

    @property
    def is_in_group(self) -> Mask:
        """Cut into rows over the devices of one node."""
        return SHARDING_TYPES.each(lambda kind: kind.rows is Extent.NODE, self.sharding)

    @property
    def is_whole(self) -> Mask:
        """With all rows, on one device: table-, column- or table-column-wise."""
        return ~(self.is_replicated | self.is_row_wise | self.is_in_group)

    def takes(self, route: OutputRoute) -> Mask:
        """Whose outputs travel so."""
        pooled = SHARDING_TYPES.each(lambda kind: OutputRoute.of(kind) is route, self.sharding)
        of_ids = SHARDING_TYPES.each(
            lambda kind: OutputRoute.of(kind, is_pooled=False) is route, self.sharding
        )
        return np.where(self.is_pooled, pooled, of_ids)

    def row_shards(self, world: World) -> Values:
        """(K,): over how many devices the rows, and so the ids, are spread."""
        spread = SHARDING_TYPES.each(lambda kind: world.devices_of(kind.rows), self.sharding)
        return spread.astype(np.float64)

    def ids_received(self, world: World) -> Values:
        """(K,): ids that the shard looks up in one step."""
        return self.ids / self.row_shards(world) * self._batches(world)

    def outputs_written(self, world: World) -> Values:
        """(K,): vectors that the shard writes in one step: partial sums when rows are pooled."""
        spread = np.where(self.is_pooled, 1, self.row_shards(world))
        return self.outputs / spread * self._batches(world)

    def _batches(self, world: World) -> Values:
        return np.where(self.is_replicated, 1, world.size).astype(np.float64)
