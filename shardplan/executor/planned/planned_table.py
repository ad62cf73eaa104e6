"""A table as a plan has it: what it is, how it is cut, and who holds what."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from shardplan.sharding.world import Extent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.plan.file.table_entry import CacheEntry
    from shardplan.sharding.kernel import Kernel
    from shardplan.sharding.kind import ShardingType
    from shardplan.sharding.world import World
    from shardplan.workload.access import Access
    from shardplan.workload.dtype import Dtype


@dataclass(frozen=True, slots=True)
class PlannedShard:
    """A rectangle of a table, and the rank that holds it."""

    rank: int
    row_offset: int
    column_offset: int
    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class PlannedTable:
    """One table of a plan."""

    name: str
    module: str
    rows: int
    dim: int
    dtype: Dtype
    features: tuple[str, ...]
    sharding_type: ShardingType
    kernel: Kernel
    shards: tuple[PlannedShard, ...]
    """Empty for a data-parallel table, which every rank holds whole."""
    ranks: tuple[int, ...]
    """The rank of each shard; every rank for a data-parallel table."""
    pooling: float
    """Mean ids per sample, over all features."""
    access: Access
    """How ids hit its rows."""
    cache: CacheEntry | None = None

    @property
    def is_replicated(self) -> bool:
        """Whether every rank holds all of it."""
        return self.sharding_type.is_replicated

    @property
    def column_blocks(self) -> tuple[tuple[PlannedShard, ...], ...]:
        """Shards by column block, from the first row down in each; shards come in this order."""
        groups = groupby(self.shards, key=lambda shard: shard.column_offset)
        return tuple(tuple(group) for _, group in groups)

    @property
    def row_blocks(self) -> int:
        """Into how many blocks the rows of each column block are cut."""
        return len(self.column_blocks[0]) if self.shards else 1

    @property
    def block_rows(self) -> int:
        """Rows of a row block but the last: id ``i`` is looked up in block ``i // block_rows``."""
        return self.shards[0].rows if self.shards else self.rows

    def faults(self, world: World) -> Iterator[str]:
        """Why the shards are not what the sharding type means; nothing where they are."""
        where = f"table {self.name} of module {self.module}"
        if self.is_replicated:
            if self.shards:
                yield f"{where} is {self.sharding_type} and has shards"
            return
        if not self.shards or len(self.shards) != len(self.ranks):
            yield f"{where} has {len(self.shards)} shards on {len(self.ranks)} ranks"
            return
        if any(not 0 <= rank < world.size for rank in self.ranks):
            yield f"{where} lies on ranks {sorted(set(self.ranks))} of {world.size}"
        elif not self._covers():
            yield f"{where} is not covered exactly by its shards, each row block alike"
        elif not self._is_its_type(world):
            yield f"{where} is not cut over ranks as {self.sharding_type} is"

    def _covers(self) -> bool:
        """Whether column blocks stand side by side, each cut into the same blocks of rows."""
        column = 0
        for block in self.column_blocks:
            starts = [min(self.rows, k * self.block_rows) for k in range(len(block) + 1)]
            ends = starts[1:]
            for shard, start, end in zip(block, starts, ends, strict=False):
                cut = (shard.row_offset, shard.rows, shard.column_offset, shard.columns)
                if cut != (start, end - start, column, block[0].columns):
                    return False
            if ends[-1] != self.rows or len(block) != self.row_blocks:
                return False
            column += block[0].columns
        return column == self.dim

    def _is_its_type(self, world: World) -> bool:
        """Whether column blocks are as many, and row blocks lie on just the ranks, as they must."""
        kind, blocks = self.sharding_type, self.column_blocks
        if len(blocks) > 1 and not kind.cuts_columns:
            return False
        if not kind.cuts_rows:
            places = {rank // world.devices_of(kind.lands) for rank in self.ranks}
            return self.row_blocks == 1 and (kind.lands is Extent.DEVICE or len(places) == 1)
        each = world.devices_of(kind.rows)
        return all(
            [shard.rank for shard in block]
            == list(world.ranks_of(kind.rows, block[0].rank // each))
            for block in blocks
        )
