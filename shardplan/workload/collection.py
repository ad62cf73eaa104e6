"""The kinds of modules that tables sit in: TorchRec's collections, each by its traits."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from shardplan.workload.dtype import Dtype

if TYPE_CHECKING:
    from shardplan.workload.module.id_map import IdMap


class CollectionKind(StrEnum):
    """A kind of module, by its name in a spec."""

    BAG = "bag"
    """``EmbeddingBagCollection``: the rows of a sample are pooled to one per feature."""
    SEQUENCE = "sequence"
    """``EmbeddingCollection``: one row for each id, in order."""
    FEATURE_PROCESSED = "feature_processed"
    """``FeatureProcessedEmbeddingBagCollection``: ids get weights by position, which are learnt."""
    MANAGED_COLLISION = "managed_collision"
    """``ManagedCollisionEmbedding(Bag)Collection``: raw ids are mapped to rows while training."""

    @property
    def pools(self) -> bool | None:
        """Whether modules of the kind pool; None where some do."""
        if self is CollectionKind.MANAGED_COLLISION:
            return None
        return self is not CollectionKind.SEQUENCE


@dataclass(frozen=True, slots=True)
class Collection:
    """What kind of module a table sits in, alike for all tables of the module.

    Raises ValueError for traits that contradict each other.
    """

    kind: CollectionKind = CollectionKind.BAG
    is_pooled: bool = True
    """One output per sample and feature; otherwise one per id."""
    dedup: bool = False
    """Each device makes the ids of its batch distinct, per table, before they travel."""
    output_dtype: Dtype = Dtype.FP32
    """Number format of what a lookup writes, and of the gradients that come back."""
    batch_share: float = 1.0
    """Samples that the module is called with for each of the whole batch."""
    id_map: IdMap | None = field(default=None, compare=False)
    """How raw ids become rows: its memory, which makes no other kind of module of one; None where
    ids are rows, or nothing is said."""

    def __post_init__(self) -> None:
        if self.is_pooled != self.kind.pools and self.kind.pools is not None:
            pools = "pools" if self.kind.pools else "does not pool"
            raise ValueError(f"a module of the kind {self.kind} {pools}")
        if self.dedup and self.is_pooled:
            raise ValueError("only ids of collections that are not pooled are made distinct")
        if self.id_map is not None and self.kind is not CollectionKind.MANAGED_COLLISION:
            raise ValueError("there is a map of ids where collisions are managed, and only there")

    @property
    def learns_weights(self) -> bool:
        """Whether ids have weights by position that are learnt."""
        return self.kind is CollectionKind.FEATURE_PROCESSED


POOLED = Collection()
"""What a module is unless the spec says otherwise."""
