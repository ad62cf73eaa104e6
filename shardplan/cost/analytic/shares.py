"""What one device holds and does for one unit of each option: what costs grow with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.analytic.caches.cached_reads import CachedReads
from shardplan.cost.analytic.dynamic.storage import DynamicStorage
from shardplan.cost.analytic.memory import INDEX_BYTES, WEIGHT_BYTES
from shardplan.cost.analytic.readings import Readings
from shardplan.workload.dynamic.dynamic import Eviction
from shardplan.workload.row_reads import fetches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.cost.analytic.readings import BlockReadings
    from shardplan.options.option_set import OptionSet
    from shardplan.topology.topology import Topology
    from shardplan.workload.table import Table
    from shardplan.workload.workload import Workload


@dataclass(frozen=True, eq=False, slots=True)
class TableArrays:
    """The tables of a workload as arrays of length T."""

    rows: NDArray[np.int64]
    dim: NDArray[np.int64]
    element_bytes: NDArray[np.int64]
    pooling: NDArray[np.float64]
    """Ids per sample of the batch, over all features."""
    features: NDArray[np.int64]
    bags: NDArray[np.float64]
    """Lengths per sample of the batch, and pooled outputs: one of each feature, less of one with a
    batch of its own size."""
    expanded: NDArray[np.float64]
    """Outputs per sample that each device makes of those: one of each feature of modules in which
    some feature has a batch of its own size, 0 in others."""
    id_bytes: NDArray[np.int64]
    """Of an id as it travels and is kept, with its weight if it has one."""
    is_pooled: NDArray[np.bool_]
    """Whether there is an output for each sample and feature, and not for each id."""
    output_bytes: NDArray[np.int64]
    """Of an element of the outputs, and of their gradients."""
    returned_bytes: NDArray[np.int64]
    """For each id that travels, back to the device that sent it: the row that it was mapped to."""
    map_row_bytes: NDArray[np.int64]
    """Of the map of ids, for each row."""
    map_id_bytes: NDArray[np.float64]
    """The same, for each id of a step that is looked up."""
    most_pooling: NDArray[np.float64]
    """Ids per sample, over all features, where samples have as many as they may have."""
    dedup: NDArray[np.bool_]
    """Whether each device makes the ids of its batch distinct before they travel."""
    learns_weights: NDArray[np.bool_]
    """Whether the weights of ids are learnt."""
    is_mean: NDArray[np.bool_]
    """Whether the rows of a sample are averaged."""
    readings: Readings
    """What a batch reads of them."""
    dynamic: DynamicStorage
    """Bytes of those that are dynamic."""
    evicts_seldom: NDArray[np.bool_]
    """Whether the cache of a dynamic one keeps the rows that are read most."""

    @classmethod
    def of(cls, workload: Workload, topology: Topology) -> TableArrays:
        """Read the tables off a workload."""
        tables, world = workload.tables, topology.world_size
        maps = [table.collection.id_map for table in tables]
        return cls(
            rows=np.array([table.rows for table in tables], dtype=np.int64),
            dim=np.array([table.dim for table in tables], dtype=np.int64),
            element_bytes=np.array([table.dtype.bytes for table in tables], dtype=np.int64),
            pooling=np.array([table.ids_per_sample for table in tables], dtype=np.float64),
            features=np.array([len(table.features) for table in tables], dtype=np.int64),
            bags=np.array([table.outputs_per_sample for table in tables], dtype=np.float64),
            expanded=_expanded(tables),
            id_bytes=np.array(
                [INDEX_BYTES + WEIGHT_BYTES * table.weighted for table in tables], dtype=np.int64
            ),
            is_pooled=np.array([table.collection.is_pooled for table in tables], dtype=bool),
            output_bytes=np.array(
                [table.collection.output_dtype.bytes for table in tables], dtype=np.int64
            ),
            returned_bytes=np.array(
                [INDEX_BYTES * bool(each and each.returns_ids) for each in maps], dtype=np.int64
            ),
            map_row_bytes=np.array([each.row_bytes if each else 0 for each in maps], np.int64),
            map_id_bytes=np.array([each.id_bytes if each else 0 for each in maps], np.float64),
            most_pooling=np.array([table.cap for table in tables], dtype=np.float64),
            dedup=np.array([table.collection.dedup for table in tables], dtype=bool),
            learns_weights=np.array(
                [table.collection.learns_weights for table in tables], dtype=bool
            ),
            is_mean=np.array([table.is_mean for table in tables], dtype=bool),
            readings=Readings.of(workload, world, (world, topology.devices_per_node)),
            dynamic=DynamicStorage.of(workload, world),
            evicts_seldom=np.array(
                [t.dynamic is not None and t.dynamic.evict is Eviction.LFU for t in tables],
                dtype=bool,
            ),
        )

    @property
    def sent(self) -> NDArray[np.float64]:
        """(T,): ids per sample that travel, over all features."""
        return self.readings.sent[: len(self.rows)]

    @property
    def most_sent(self) -> NDArray[np.float64]:
        """(T,): the same of samples with as many ids as they may have."""
        return self.readings.most_sent[: len(self.rows)]

    @property
    def outputs(self) -> NDArray[np.float64]:
        """(T,): outputs per sample that travel."""
        return np.where(self.is_pooled, self.bags, self.sent)

    @property
    def most_outputs(self) -> NDArray[np.float64]:
        """(T,): the same of samples with as many ids as they may have."""
        return np.where(self.is_pooled, self.bags, self.most_sent)


def _expanded(tables: Sequence[Table]) -> NDArray[np.float64]:
    """(T,): TorchRec expands all features of a module alike, by an index select, to as many outputs
    as the one of them with the most has; to one for each sample of the module, at least."""
    most: dict[str, float] = {}
    for table in tables:
        if table.has_own_batches:
            most[table.module] = max(1.0, most.get(table.module, 1.0), *table.batch_shares)
    found = [
        len(table.features) * table.collection.batch_share * most.get(table.module, 0.0)
        for table in tables
    ]
    return np.array(found, dtype=np.float64)


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
    """Looked up by all shards; a column shard looks up all ids, row shards split them."""
    id_bytes: NDArray[np.int64]
    """Of each id, with its weight if it has one."""
    most_ids: NDArray[np.float64]
    """The same where samples have as many ids as they may have."""
    features: NDArray[np.int64]
    """Of the table, over all shards."""
    bags: NDArray[np.float64]
    """(sample, feature) pairs over all shards: lengths received."""
    outputs: NDArray[np.float64]
    """Made by all shards: for each bag one, or for each id where they are not pooled."""
    most_outputs: NDArray[np.float64]
    """The same where samples have as many ids as they may have."""
    output_bytes: NDArray[np.int64]
    """Of an element of an output, and of its gradient."""
    is_pooled: NDArray[np.bool_]
    is_mean: NDArray[np.bool_]
    """Whether pooled outputs are means."""
    own_outputs: NDArray[np.float64]
    """That a device gets for its own samples, on average, in parts or whole."""
    returned_bytes: NDArray[np.int64]
    """For each id that is looked up, back to the device that sent it."""
    map_row_bytes: NDArray[np.int64]
    """Of the map of ids, for each row."""
    map_id_bytes: NDArray[np.float64]
    """The same, for each id that is looked up."""
    weight_bytes: NDArray[np.int64]
    """Of the weight of each id; 0 where ids have none."""
    learns_weights: NDArray[np.bool_]
    unique_rows: NDArray[np.float64]
    """Distinct rows looked up, over all shards."""
    rows_of_all: NDArray[np.float64]
    """Of whole tables, the distinct rows that any device looks up."""
    fetches: NDArray[np.float64]
    """Of the ids those whose row is read from memory, since the on-chip cache misses it."""
    missed_rows: NDArray[np.float64]
    """Distinct rows that HBM lacks of tables that it caches, or has in part."""
    ssd_rows: NDArray[np.float64]
    """Of these, the rows that the cache in DDR lacks too, where the table lies on SSD."""
    hit_rates: NDArray[np.float64]
    """Share of the accesses whose row is in HBM when the batch begins."""
    ddr_hit_rates: NDArray[np.float64]
    """The same of HBM and DDR together."""
    value_bytes: NDArray[np.int64]
    """Of a row of a dynamic table with its optimizer state."""

    @classmethod
    def of(
        cls,
        tables: TableArrays,
        options: OptionSet,
        batch: int,
        topology: Topology,
        cache_bytes: int,
        blocks: BlockReadings | None = None,
        *,
        on_average: bool = False,
    ) -> Shares:
        """Work out the shares of every option on devices with so large an on-chip cache.

        Where ids are hashed, each of n row shards reads every n-th row, so that a cache holds as
        many of the hottest rows as n times as large a cache in front of the whole table, and misses
        an n-th of what that one would. Where ids are by frequency, or lists padded, all row shards
        are charged as the busiest; unless ``blocks`` says which each of them is, or all are taken
        ``on_average``.
        """
        table, world = options.table, topology.world
        row_shards, shards = options.row_shards(world), options.shards_per_device(world)
        replicated = options.has_type(lambda kind: kind.is_replicated)
        samples: NDArray[np.float64] = np.where(replicated, batch / world.size, float(batch))
        bags: NDArray[np.float64] = samples * tables.bags[table] * shards
        columns = options.columns(tables.dim[table])
        if blocks is None:
            readings = tables.readings
            reading, parts = readings.of_shards(table, row_shards, on_average)
        else:
            readings, reading, parts = blocks.readings, blocks.reading, blocks.parts
        unique = np.where(
            replicated, readings.unique_rows_of_rank[reading], readings.unique_rows[reading]
        )
        ids = samples * readings.sent[reading]
        room = cache_bytes / (columns * tables.element_bytes[table]) * parts
        drawn = readings.sent_distributions
        fetched = fetches(drawn, reading, ids, room) if cache_bytes else ids
        most_ids = samples * readings.most_sent[reading] * shards / parts
        pooled = tables.is_pooled[table]
        caches = CachedReads.of(readings, reading, options, tables.evicts_seldom[table])
        return cls(
            shards=shards,
            shard_rows=-(-tables.rows[table] // row_shards),
            columns=columns,
            element_bytes=tables.element_bytes[table],
            samples=samples,
            ids=ids * shards / parts,
            id_bytes=tables.id_bytes[table],
            most_ids=most_ids,
            features=tables.features[table] * shards,
            bags=bags,
            outputs=np.where(pooled, bags, ids * shards / parts),
            most_outputs=np.where(pooled, bags, most_ids),
            output_bytes=tables.output_bytes[table],
            is_pooled=pooled,
            is_mean=tables.is_mean[table],
            own_outputs=np.where(pooled, bags, batch * tables.sent[table] * shards) / world.size,
            returned_bytes=tables.returned_bytes[table],
            map_row_bytes=tables.map_row_bytes[table],
            map_id_bytes=tables.map_id_bytes[table],
            weight_bytes=tables.id_bytes[table] - INDEX_BYTES,
            learns_weights=tables.learns_weights[table],
            unique_rows=unique * shards / parts,
            rows_of_all=np.minimum(readings.unique_rows[reading], tables.rows[table]),
            fetches=fetched * shards / parts,
            missed_rows=caches.missed_rows * shards / parts,
            ssd_rows=caches.ssd_rows * shards / parts,
            hit_rates=caches.hit_rates,
            ddr_hit_rates=caches.ddr_hit_rates,
            value_bytes=tables.dynamic.value_bytes[table],
        )

    def put(self, at: NDArray[np.int64], others: Shares) -> Shares:
        """The same with ``others`` (n,) at the places ``at`` (n,)."""
        changed = {}
        for name in self.__slots__:
            values = getattr(self, name)
            changed[name] = values.astype(np.result_type(values, getattr(others, name)))
            changed[name][at] = getattr(others, name)
        return replace(self, **changed)
