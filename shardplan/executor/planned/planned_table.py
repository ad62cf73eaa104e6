"""A table as a plan has it: what it is, how it is cut, and who holds what."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING

from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.workload.collection import POOLED, Collection
from shardplan.workload.row_order import RowOrder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shardplan.model.initial_weights import InitialWeights
    from shardplan.plan.file.table_entry import CacheEntry
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
    ids: RowOrder = RowOrder.HASHED
    """Where the hot ones lie."""
    cache: CacheEntry | None = None
    collection: Collection = POOLED
    """What kind of module it sits in."""
    batch_shares: tuple[float, ...] = ()
    """Of each feature, its own samples for each of its module; empty where all have one of each."""
    is_mean: bool = False
    """Whether the rows of a sample are averaged; else they are added up."""
    poolings: tuple[float, ...] = ()
    """Mean ids per sample of each feature; empty where all have as many."""
    is_weighted: bool = False
    """Whether each id has a weight, by which its row counts."""
    initial: InitialWeights | None = None
    """How weights begin; None: uniform within ``1 / sqrt(rows)``."""
    replicated_rows: int = 0
    """The hottest rows, which every rank holds besides."""
    hot_ids: NDArray[np.int64] | None = field(default=None, compare=False, repr=False)
    """(replicated_rows,): which ones; None until the job has said so."""

    @property
    def is_replicated(self) -> bool:
        """Whether every rank holds all of it."""
        return self.sharding_type.is_replicated

    def pooling_of(self, feature: str) -> float:
        """Mean ids per sample of one of its features."""
        if not self.poolings:
            return self.pooling / len(self.features)
        return self.poolings[self.features.index(feature)]

    @property
    def keeps_hot_rows(self) -> bool:
        """Whether every rank holds the hottest rows beside its part of all."""
        return self.sharding_type.keeps_hot_rows

    @property
    def is_hot_part(self) -> bool:
        """Whether it is no table of the model, but the hot rows of one."""
        return self.hot_ids is not None and self.is_replicated

    @property
    def hot_part(self) -> PlannedTable:
        """The hot rows as a table of their own, which is data-parallel.

        Raises ValueError where nobody has said which they are.
        """
        if self.hot_ids is None:
            raise ValueError(f"nobody has said which rows of {self.name} are hot")
        return replace(
            self,
            rows=self.replicated_rows,
            sharding_type=ShardingType.DATA_PARALLEL,
            kernel=Kernel.DENSE,
            shards=(),
        )

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
