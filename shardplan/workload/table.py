"""One embedding table as the planner sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.workload.access import Padded
from shardplan.workload.collection import POOLED, Collection
from shardplan.workload.labels import qualified
from shardplan.workload.module.pooling_type import PoolingType
from shardplan.workload.row_order import RowOrder

if TYPE_CHECKING:
    from shardplan.workload.access import Access, Padding, Pattern
    from shardplan.workload.dtype import Dtype
    from shardplan.workload.dynamic.dynamic import Dynamic


@dataclass(frozen=True, slots=True)
class Table:
    """An embedding table and how it is read.

    ``poolings`` holds the mean ids per sample of each feature, in the order of ``features``.
    Features may have batches of their own size: distinct requests, of each of which several samples
    share what is looked up.
    """

    name: str
    module: str
    rows: int
    dim: int
    dtype: Dtype
    features: tuple[str, ...]
    poolings: tuple[float, ...]
    access: Access
    ids: RowOrder = RowOrder.HASHED
    weighted: bool = False
    """Whether a weight travels with each id."""
    collection: Collection = POOLED
    """What kind of module ``module`` is."""
    caps: tuple[float, ...] = ()
    """Most ids per sample of each feature; empty: as many as ``poolings`` says."""
    batch_shares: tuple[float, ...] = ()
    """Of each feature: its own samples for each sample of its module; without any, 1 of all."""
    pooling_type: PoolingType = PoolingType.SUM
    """What is made of the rows of a sample, where they are pooled."""
    has_namesake: bool = False
    """Whether a table of another module is called the same."""
    dynamic: Dynamic | None = None
    """How a hash table is kept that grows to ``rows``; None of a plain table."""
    unpadded_dim: int | None = None
    """The columns that the model uses, where ``dim`` has more: the last ones are padding."""
    hot_ids: int = 0
    """Of how many of its ids it is known that they are the hottest, and which they are."""

    @property
    def known_hot_ids(self) -> int:
        """Of how many ids it is known which are the hottest; of all where they are in order."""
        return self.rows if self.ids is RowOrder.BY_FREQUENCY else self.hot_ids

    @property
    def label(self) -> str:
        """What to call it where all tables are spoken of."""
        return qualified(self.module, self.name) if self.has_namesake else self.name

    @property
    def pooling(self) -> float:
        """Mean ids per sample, over all features."""
        return sum(self.poolings)

    @property
    def cap(self) -> float:
        """Most ids per sample, over all features: what there has to be memory for."""
        if not self.caps:
            return self.ids_per_sample
        return sum(ids * share for ids, share in zip(self.caps, self.shares, strict=True))

    @property
    def padding(self) -> Padding | None:
        """The id that fills lists up; None where none does."""
        return self.access.padding if isinstance(self.access, Padded) else None

    @property
    def pattern(self) -> Pattern:
        """How ids hit rows, but for padding."""
        return self.access.others if isinstance(self.access, Padded) else self.access

    @property
    def is_uneven(self) -> bool:
        """Whether some blocks of rows are read more than others."""
        in_order = self.ids is RowOrder.BY_FREQUENCY
        return self.pooling > 0 and (in_order or self.padding is not None)

    @property
    def is_mean(self) -> bool:
        """Whether the rows of a sample are averaged."""
        return self.pooling_type is PoolingType.MEAN

    @property
    def counts_weights(self) -> bool:
        """Whether rows count by weights of ids that batches bring: those that a module learns are
        its own."""
        return self.weighted and self.collection.is_pooled and not self.collection.learns_weights

    @property
    def has_own_batches(self) -> bool:
        """Whether some feature has fewer samples than its module."""
        return any(share != 1 for share in self.batch_shares)

    @property
    def shares(self) -> tuple[float, ...]:
        """Of each feature, its own samples for each sample of the batch."""
        own = self.batch_shares or (1.0,) * len(self.features)
        whole = self.collection.batch_share
        return own if whole == 1 else tuple(share * whole for share in own)

    @property
    def ids_per_sample(self) -> float:
        """Mean ids for each sample of the batch, over all features: ``sum(p_i * b_i) / B``."""
        if not self.batch_shares and self.collection.batch_share == 1:
            return self.pooling
        return sum(ids * share for ids, share in zip(self.poolings, self.shares, strict=True))

    @property
    def outputs_per_sample(self) -> float:
        """Pooled outputs for each sample of the batch, over all features: ``sum(b_i) / B``."""
        return sum(self.shares)

    @property
    def row_bytes(self) -> int:
        """Bytes of one row's weights."""
        return self.dim * self.dtype.bytes
