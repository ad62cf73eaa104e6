"""What a plan decides for one table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.options.option_set import OptionSet
from shardplan.sharding import geometry
from shardplan.sharding.kernel import KERNELS, Kernel
from shardplan.sharding.kind import SHARDING_TYPES, ShardingType
from shardplan.sharding.world import Extent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.sharding.world import World
    from shardplan.workload.table import Table


@dataclass(frozen=True, slots=True)
class Decision:
    """One table's sharding and where each unit of it lands."""

    table: int
    """Position in the workload's tables."""
    sharding: ShardingType
    kernel: Kernel
    column_shards: int = 1
    targets: tuple[int, ...] = ()
    """Of each unit the device or the node that it lands on; none where it lands everywhere."""
    load_factor: float | None = None
    """Share of the rows that the cache in HBM holds; only for kernels that cache."""
    ddr_load_factor: float = 0.0
    """Share of the rows that a cache in DDR holds besides; only for ``key_value``."""
    widths: tuple[int, ...] = ()
    """Columns of each column shard, where they are not all alike."""
    replicated_rows: int = 0
    """The hottest rows that every device holds besides; only of types that keep some."""

    @property
    def places(self) -> tuple[int, ...]:
        """Of each unit the device, the node, or the world (0) that it lands on."""
        return (0,) if self.sharding.lands is Extent.WORLD else self.targets

    def shards(self, table: Table, world: World) -> tuple[geometry.Shard, ...]:
        """The exact shards of its table; none of a replicated one.

        Raises ValueError where the table or the world cannot be cut so.
        """
        return geometry.shards(
            self.sharding,
            table.rows,
            table.dim,
            self.column_shards,
            self.targets,
            world,
            self.widths,
        )


def options_of(decisions: Sequence[Decision]) -> OptionSet:
    """One option per decision, in the same order."""
    options = OptionSet.uncached(
        np.array([d.table for d in decisions], dtype=np.int32),
        SHARDING_TYPES.codes([d.sharding for d in decisions]),
        KERNELS.codes([d.kernel for d in decisions]),
        np.array([d.column_shards for d in decisions], dtype=np.int32),
        np.array([max(d.widths, default=0) for d in decisions], dtype=np.int32),
        np.array([d.replicated_rows for d in decisions], dtype=np.int64),
    )
    cached = options.has_kernel(lambda kernel: kernel.caches)
    hbm_share = np.array([d.load_factor or 0.0 for d in decisions], dtype=np.float64)
    ddr_share = np.array([d.ddr_load_factor for d in decisions], dtype=np.float64)
    return replace(
        options,
        hbm_share=np.where(cached, hbm_share, options.hbm_share),
        ddr_share=np.where(cached, ddr_share, options.ddr_share),
    )
