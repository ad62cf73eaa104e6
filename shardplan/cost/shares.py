"""What one device holds and does for one unit of each option: what costs grow with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.options.sharding_type import ShardingType
from shardplan.workload.unique_rows import unique_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.options.option_set import OptionSet
    from shardplan.workload.workload import Workload


@dataclass(frozen=True, eq=False, slots=True)
class TableArrays:
    """The tables of a workload as arrays of length T."""

    rows: NDArray[np.int64]
    dim: NDArray[np.int64]
    element_bytes: NDArray[np.int64]
    pooling: NDArray[np.float64]
    """Ids per sample, over all features."""
    features: NDArray[np.int64]
    """Each gives one pooled output per sample."""
    unique_rows: NDArray[np.float64]
    """Distinct rows that the global batch touches."""
    unique_rows_of_rank: NDArray[np.float64]
    """Distinct rows that the part of the batch of one rank touches."""

    @classmethod
    def of(cls, workload: Workload, world_size: int) -> TableArrays:
        """Read the tables off a workload."""
        tables, batch = workload.tables, float(workload.global_batch)
        unique = unique_rows(tables, batch, batch / world_size)
        return cls(
            rows=np.array([table.rows for table in tables], dtype=np.int64),
            dim=np.array([table.dim for table in tables], dtype=np.int64),
            element_bytes=np.array([table.dtype.bytes for table in tables], dtype=np.int64),
            pooling=np.array([table.pooling for table in tables], dtype=np.float64),
            features=np.array([len(table.features) for table in tables], dtype=np.int64),
            unique_rows=unique[:, 0],
            unique_rows_of_rank=unique[:, 1],
        )


@dataclass(frozen=True, eq=False, slots=True)
class Shares:
    """One unit's share on one device that it lands on, as arrays of length O.

    A device holds ``shards`` equal shards of the unit (more than one only when table-column-wise),
    each ``shard_rows`` rows high and ``columns`` wide, and serves ``samples`` samples with them.
    """

    shards: NDArray[np.int64]
    shard_rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    element_bytes: NDArray[np.int64]
    samples: NDArray[np.float64]
    """The global batch; of a data-parallel table the rank's own part."""
    ids: NDArray[np.float64]
    """Looked up by all shards; a column shard looks up all ids, row shards split them evenly."""
    bags: NDArray[np.float64]
    """(sample, feature) pairs over all shards: lengths received, and pooled outputs made."""
    unique_rows: NDArray[np.float64]
    """Distinct rows looked up, over all shards."""

    @classmethod
    def of(
        cls, tables: TableArrays, options: OptionSet, batch: int, world: int, devices_per_node: int
    ) -> Shares:
        """Work out the shares of every option.

        Row shards are taken as evenly loaded, which holds where ids are hashed.
        """
        table = options.table
        by_node = options.is_type(ShardingType.TABLE_ROW_WISE, ShardingType.GRID_SHARD)
        everywhere = options.is_type(ShardingType.ROW_WISE)
        replicated = options.is_type(ShardingType.DATA_PARALLEL)
        node_columns = options.is_type(ShardingType.TABLE_COLUMN_WISE)
        row_shards = np.where(everywhere, world, np.where(by_node, devices_per_node, 1))
        shards = np.where(node_columns, options.column_shards // devices_per_node, 1)
        samples: NDArray[np.float64] = np.where(replicated, batch / world, float(batch))
        unique = np.where(replicated, tables.unique_rows_of_rank[table], tables.unique_rows[table])
        bags: NDArray[np.float64] = samples * tables.features[table] * shards
        return cls(
            shards=shards,
            shard_rows=-(-tables.rows[table] // row_shards),
            columns=-(-tables.dim[table] // options.column_shards),
            element_bytes=tables.element_bytes[table],
            samples=samples,
            ids=samples * tables.pooling[table] * shards / row_shards,
            bags=bags,
            unique_rows=unique * shards / row_shards,
        )
