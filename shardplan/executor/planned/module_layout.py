"""Who looks up what: the shards of one module as every rank sees them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, groupby
from typing import TYPE_CHECKING

from shardplan.sharding.world import Extent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.executor.planned.planned_table import PlannedShard, PlannedTable


@dataclass(frozen=True, slots=True)
class Slot:
    """A feature of a shard: ids that a rank looks up, and where the sums belong."""

    feature: int
    row_block: int
    column: int
    """First column of the sums in the module's output."""
    width: int
    is_hierarchical: bool = False
    """Whether its sums are completed inside the node before they cross."""
    is_touched: bool = False
    """Whether it sums those bags alone that have any of its rows."""


@dataclass(frozen=True, slots=True)
class HeldShard:
    """A shard with its table."""

    table: PlannedTable
    shard: PlannedShard
    row_block: int
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class MeanSpan:
    """Features side by side whose rows are averaged, and their columns of the output."""

    first_feature: int
    features: int
    first_column: int
    width: int
    """Columns of each feature."""


@dataclass(frozen=True, eq=False)
class GroupLayout:
    """Shards of one rank that are looked up by one kernel: of one format, in one store."""

    shards: tuple[HeldShard, ...]
    is_hierarchical: bool
    is_touched: bool = False

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """Shard by shard, feature by feature."""
        return tuple(slot for held in self.shards for slot in held.slots)

    @property
    def width(self) -> int:
        """Columns of each of its shards."""
        return self.shards[0].shard.columns

    @cached_property
    def base_rows(self) -> tuple[int, ...]:
        """Where each shard begins in the store, and where the last ends."""
        return tuple(accumulate((held.shard.rows for held in self.shards), initial=0))

    @cached_property
    def columns(self) -> int:
        """Numbers that its slots give for each sample."""
        return sum(slot.width for slot in self.slots)


@dataclass(frozen=True, eq=False)
class ReplicaLayout:
    """Data-parallel tables, and hot rows of others, that one kernel looks up: of one width and
    format, in one store."""

    tables: tuple[PlannedTable, ...]
    features: tuple[range, ...]
    """Of each table."""

    @property
    def width(self) -> int:
        """Columns of each of its tables."""
        return self.tables[0].dim

    @cached_property
    def base_rows(self) -> tuple[int, ...]:
        """Where each table begins in the store, and where the last ends."""
        return tuple(accumulate((table.rows for table in self.tables), initial=0))


class ModuleLayout:
    """The tables of one module over the ranks of a mesh."""

    def __init__(
        self, tables: Sequence[PlannedTable], world_size: int, is_hierarchical: bool
    ) -> None:
        self.tables = tuple(tables)
        self.features = tuple(f for table in tables for f in table.features)
        self.table_of_feature = [table for table in tables for _ in table.features]
        dims = [table.dim for table in self.table_of_feature]
        self.columns = list(accumulate(dims, initial=0))
        """First output column of each feature, and their number."""
        self._first = list(accumulate((len(table.features) for table in tables), initial=0))
        self._is_hierarchical = is_hierarchical
        held: list[list[HeldShard]] = [[] for _ in range(world_size)]
        for shard in self._shards():
            held[shard.shard.rank].append(shard)
        self.groups = tuple(tuple(_grouped(shards)) for shards in held)
        """Of each rank; those that complete sums inside the node come last."""

    @property
    def width(self) -> int:
        """Columns of the output: the dims of all features."""
        return self.columns[-1]

    @cached_property
    def mean_spans(self) -> tuple[MeanSpan, ...]:
        """The features that are averaged, neighbours of one width together."""
        keyed = groupby(
            enumerate(self.table_of_feature), key=lambda pair: (pair[1].is_mean, pair[1].dim)
        )
        spans = [(key, [feature for feature, _ in members]) for key, members in keyed]
        return tuple(
            MeanSpan(members[0], len(members), self.columns[members[0]], dim)
            for (is_mean, dim), members in spans
            if is_mean
        )

    @property
    def most_rows(self) -> int:
        """Of the largest store of any rank."""
        sharded = [group.base_rows[-1] for groups in self.groups for group in groups]
        return max(sharded + [group.base_rows[-1] for group in self.replicated])

    def slots_of(self, rank: int) -> tuple[Slot, ...]:
        """Everything that a rank looks up, in the order in which ids travel."""
        return tuple(slot for group in self.groups[rank] for slot in group.slots)

    def features_of(self, table: int) -> range:
        """The features that read a table."""
        return range(self._first[table], self._first[table + 1])

    @cached_property
    def replicated(self) -> tuple[ReplicaLayout, ...]:
        """The data-parallel tables and hot rows of others, those of one format side by side."""
        grouped: dict[tuple[str, int], list[int]] = {}
        for index, table in enumerate(self.tables):
            if table.is_replicated or table.keeps_hot_rows:
                grouped.setdefault((table.dtype, table.dim), []).append(index)
        return tuple(
            ReplicaLayout(
                tuple(_replicated(self.tables[i]) for i in members),
                tuple(self.features_of(i) for i in members),
            )
            for members in grouped.values()
        )

    def _shards(self) -> Iterator[HeldShard]:
        """Table by table, column block by column block, row block by row block."""
        for index, table in enumerate(self.tables):
            in_node = table.sharding_type.rows is Extent.NODE
            # Sums beside hot rows go straight to their samples: there are few to sum in the node.
            inside = self._is_hierarchical and in_node and not table.keeps_hot_rows
            for block in table.column_blocks:
                for row_block, shard in enumerate(block):
                    first, width = shard.column_offset, shard.columns
                    slots = tuple(
                        Slot(
                            feature,
                            row_block,
                            self.columns[feature] + first,
                            width,
                            inside,
                            table.keeps_hot_rows,
                        )
                        for feature in self.features_of(index)
                    )
                    yield HeldShard(table, shard, row_block, slots)


def _grouped(shards: Sequence[HeldShard]) -> Iterator[GroupLayout]:
    """Shards of one format side by side; a shard behind a cache is alone with its cache."""
    keyed = sorted(((_key(held, i), i) for i, held in enumerate(shards)))
    for key, members in groupby(keyed, key=lambda pair: pair[0]):
        yield GroupLayout(
            tuple(shards[i] for _, i in members), is_hierarchical=key[0], is_touched=key[1]
        )


def _replicated(table: PlannedTable) -> PlannedTable:
    return table.hot_part if table.keeps_hot_rows else table


def _key(held: HeldShard, index: int) -> tuple[bool, bool, str, str, int, int, int]:
    table = held.table
    alone = index if table.kernel.caches else -1
    inside, touched = held.slots[0].is_hierarchical, held.slots[0].is_touched
    return inside, touched, table.kernel.name, table.dtype, held.shard.columns, table.dim, alone
