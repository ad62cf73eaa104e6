"""One embedding table as the planner sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.workload.collection import POOLED, Collection
from shardplan.workload.labels import qualified
from shardplan.workload.row_order import RowOrder

if TYPE_CHECKING:
    from shardplan.workload.access import Access
    from shardplan.workload.dtype import Dtype


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
    has_namesake: bool = False
    """Whether a table of another module is called the same."""

    @property
    def label(self) -> str:
        """What to call it where all tables are spoken of."""
        return qualified(self.module, self.name) if self.has_namesake else self.name

    @property
    def pooling(self) -> float:
        """Mean ids per sample, over all features."""
        return sum(self.poolings)

    @property
    def row_bytes(self) -> int:
        """Bytes of one row's weights."""
        return self.dim * self.dtype.bytes
