"""One embedding table as the planner sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.workload.access import Padded
from shardplan.workload.collection import POOLED, Collection
from shardplan.workload.labels import qualified
from shardplan.workload.row_order import RowOrder

if TYPE_CHECKING:
    from shardplan.workload.access import Access, Padding, Pattern
    from shardplan.workload.dtype import Dtype
    from shardplan.workload.dynamic.dynamic import Dynamic


@dataclass(frozen=True, slots=True)
class Table:
    """An embedding table and how it is read.

    ``poolings`` holds the mean ids per sample of each feature, in the order of ``features``.
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
    has_namesake: bool = False
    """Whether a table of another module is called the same."""
    dynamic: Dynamic | None = None
    """How a hash table is kept that grows to ``rows``; None of a plain table."""

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
        return sum(self.caps) if self.caps else self.pooling

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
    def row_bytes(self) -> int:
        """Bytes of one row's weights."""
        return self.dim * self.dtype.bytes
