"""What one device holds and does for one unit of each option: what costs grow with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.cache_misses import CacheMisses
from shardplan.options.kernel import CACHING_KERNELS, Kernel
from shardplan.options.sharding_type import ShardingType
from shardplan.workload.row_reads import fetches, row_distributions, unique_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.options.option_set import OptionSet
    from shardplan.topology.topology import Topology
    from shardplan.workload.row_distribution import RowDistribution
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
    distributions: tuple[RowDistribution, ...]
    """How likely each row is to be read."""
    misses: CacheMisses
    """What caches miss of the global batch."""

    @classmethod
    def of(cls, workload: Workload, world_size: int) -> TableArrays:
        """Read the tables off a workload."""
        tables, batch = workload.tables, float(workload.global_batch)
        distributions = row_distributions(tables)
        pooling = np.array([table.pooling for table in tables], dtype=np.float64)
        return cls(
            rows=np.array([table.rows for table in tables], dtype=np.int64),
            dim=np.array([table.dim for table in tables], dtype=np.int64),
            element_bytes=np.array([table.dtype.bytes for table in tables], dtype=np.int64),
            pooling=pooling,
            features=np.array([len(table.features) for table in tables], dtype=np.int64),
            unique_rows=unique_rows(distributions, batch * pooling),
            unique_rows_of_rank=unique_rows(distributions, batch / world_size * pooling),
            distributions=distributions,
            misses=CacheMisses(distributions, batch * pooling),
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
    fetches: NDArray[np.float64]
    """Of the ids those whose row is read from memory, since the on-chip cache misses it."""
    missed_rows: NDArray[np.float64]
    """Distinct rows that the cache in HBM lacks; 0 of kernels without one."""
    ssd_rows: NDArray[np.float64]
    """Of these, the rows that the cache in DDR lacks too, where the table lies on SSD."""

    @classmethod
    def of(
        cls,
        tables: TableArrays,
        options: OptionSet,
        batch: int,
        topology: Topology,
        cache_bytes: int,
    ) -> Shares:
        """Work out the shares of every option on devices with so large an on-chip cache.

        Row shards are taken as evenly loaded, which holds where ids are hashed: each of n reads
        every n-th row, so that a cache holds as many of the hottest rows as n times as large a
        cache in front of the whole table, and misses an n-th of what that one would.
        """
        world, devices_per_node = topology.world_size, topology.devices_per_node
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
        columns = -(-tables.dim[table] // options.column_shards)
        ids = samples * tables.pooling[table]
        cached_rows = cache_bytes / (columns * tables.element_bytes[table]) * row_shards
        fetched = fetches(tables.distributions, table, ids, cached_rows) if cache_bytes else ids
        missed_rows, ssd_rows = _missed(tables.misses, options)
        return cls(
            shards=shards,
            shard_rows=-(-tables.rows[table] // row_shards),
            columns=columns,
            element_bytes=tables.element_bytes[table],
            samples=samples,
            ids=ids * shards / row_shards,
            bags=bags,
            unique_rows=unique * shards / row_shards,
            fetches=fetched * shards / row_shards,
            missed_rows=missed_rows * shards / row_shards,
            ssd_rows=ssd_rows * shards / row_shards,
        )


def _missed(
    misses: CacheMisses, options: OptionSet
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(O,) each: distinct rows of a whole table missed in HBM, and in DDR above SSD as well.

    The two caches hold different rows, so that together they act as one.
    """
    missed, on_ssd = np.zeros(len(options)), np.zeros(len(options))
    cached, key_value = (
        np.flatnonzero(options.has_kernel(*kernels))
        for kernels in (tuple(CACHING_KERNELS), (Kernel.KEY_VALUE,))
    )
    hbm, ddr = options.hbm_share, options.ddr_share
    missed[cached] = misses.missed_rows(options.table[cached], hbm[cached])
    both = hbm[key_value] + ddr[key_value]
    on_ssd[key_value] = misses.missed_rows(options.table[key_value], both)
    return missed, on_ssd
