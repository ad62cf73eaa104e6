"""Where a TorchRec module that can be planned keeps its tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shardplan.model.class_path import class_path
from shardplan.model.id_maps import id_map_of
from shardplan.workload.collection import POOLED, Collection, CollectionKind

if TYPE_CHECKING:
    from collections.abc import Iterator

_BAGS = "torchrec.modules.embedding_modules.EmbeddingBagCollection"
_SEQUENCES = "torchrec.modules.embedding_modules.EmbeddingCollection"
_PROCESSED = "torchrec.modules.fp_embedding_modules.FeatureProcessedEmbeddingBagCollection"
_MANAGED = "torchrec.modules.mc_embedding_modules.ManagedCollisionEmbedding"
_MANAGED_BAGS, _MANAGED_SEQUENCES = f"{_MANAGED}BagCollection", f"{_MANAGED}Collection"


@dataclass(frozen=True, slots=True)
class TablesWithin:
    """The tables of a module: its own, or those of a plain collection that it wraps."""

    collection: Collection
    holder: Any
    """The EmbeddingBagCollection or EmbeddingCollection; the module itself where it is one."""
    inner_path: str = ""
    """Of the holder in the module."""
    beside: str = ""
    """What the module has besides, and keeps when it is sharded; empty for nothing."""

    @property
    def configs(self) -> list[Any]:
        """Of the tables, in their order."""
        holds_bags = hasattr(self.holder, "embedding_bag_configs")
        found = self.holder.embedding_bag_configs if holds_bags else self.holder.embedding_configs
        return list(found())

    @property
    def lookups(self) -> str:
        """What of the holder has the tables' lookups by name."""
        return "embedding_bags" if hasattr(self.holder, "embedding_bags") else "embeddings"

    @property
    def is_weighted(self) -> bool:
        """Whether each id has a weight."""
        return self.lookups == "embedding_bags" and bool(self.holder.is_weighted())

    def items(self) -> Iterator[tuple[Any, Any]]:
        """Each table's config and what looks it up, where it has both."""
        lookups = dict(getattr(self.holder, self.lookups).items())
        yield from ((c, lookups[c.name]) for c in self.configs if c.name in lookups)

    @property
    def made(self) -> list[str]:
        """The tables that were made of the configs."""
        return [str(name) for name, _ in getattr(self.holder, self.lookups).items()]

    @property
    def word(self) -> str:
        """What messages call the lookups."""
        return self.lookups.removeprefix("embedding_")

    def weight_name(self, table: str) -> str:
        """Of a table's weights, among the parameters of the module."""
        parts = (self.inner_path, self.lookups, table, "weight")
        return ".".join(part for part in parts if part)


def tables_within(module: Any) -> TablesWithin | None:
    """None for a module that cannot be planned; needs neither PyTorch nor TorchRec.

    TorchRec shards by the exact class, so that derived ones are other modules.
    """
    name = class_path(module)
    if name == _BAGS:
        return TablesWithin(POOLED, module)
    if name == _SEQUENCES:
        return TablesWithin(Collection(CollectionKind.SEQUENCE, False), module)
    if name == _PROCESSED:
        kind = Collection(CollectionKind.FEATURE_PROCESSED)
        return _wrapped(module, kind, "_embedding_bag_collection", "_feature_processors")
    if name in (_MANAGED_BAGS, _MANAGED_SEQUENCES):
        kind = Collection(
            CollectionKind.MANAGED_COLLISION, name == _MANAGED_BAGS, id_map=id_map_of(module)
        )
        return _wrapped(module, kind, "_embedding_module", "_managed_collision_collection")
    return None


def _wrapped(module: Any, kind: Collection, inner_path: str, beside: str) -> TablesWithin | None:
    holder = getattr(module, inner_path)
    plain = _BAGS if kind.is_pooled else _SEQUENCES
    return TablesWithin(kind, holder, inner_path, beside) if class_path(holder) == plain else None
