"""TorchRec's sharded managed-collision collections, which read batches as unsharded ones do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torchrec.distributed.embedding import EmbeddingCollectionSharder
from torchrec.distributed.embeddingbag import EmbeddingBagCollectionSharder
from torchrec.distributed.mc_embedding import (
    ManagedCollisionEmbeddingCollectionSharder,
    ShardedManagedCollisionEmbeddingCollection,
)
from torchrec.distributed.mc_embeddingbag import (
    ManagedCollisionEmbeddingBagCollectionSharder,
    ShardedManagedCollisionEmbeddingBagCollection,
)
from torchrec.modules.hash_mc_modules import HashZchManagedCollisionModule

from shardplan.diagnostics import Diagnostic
from shardplan.executor.torchrec.sharded.batch_reader import BatchReader, IdWeights, with_values
from shardplan.model.sparse_module import ModuleKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shardplan.executor.torchrec.sharded.module_options import ModuleOptions
    from shardplan.model.sparse_module import SparseModule


class ShardedManagedBags(ShardedManagedCollisionEmbeddingBagCollection):  # type: ignore[misc]
    """What TorchRec shards; features may change their order, and unasked weights are left out.

    Where maps make other ids of raw ones before these travel, TorchRec 1.8 drops the weights of
    ids. So that is done here, and TorchRec has nothing left to do.
    """

    def __init__(self, module: Any, *arguments: Any, **options: Any) -> None:
        """As TorchRec's."""
        super().__init__(module, *arguments, **options)
        inner = module._embedding_module  # noqa: SLF001
        features = {f for each in inner.embedding_bag_configs() for f in each.feature_names}
        weights = IdWeights.COUNT if inner.is_weighted() else IdWeights.IGNORED
        self._reader = BatchReader(features, weights)
        self._table_of = {f: c.name for c in inner.embedding_bag_configs() for f in c.feature_names}
        if inner.is_weighted():
            self._managed_collision_collection.need_preprocess = False

    def input_dist(self, ctx: Any, features: Any) -> Any:
        """Begin to send a batch's raw ids. Raises ValueError as ``BatchReader.read``."""
        read = self._reader.read(features)
        if self._reader.weights is IdWeights.COUNT:
            read = self._preprocessed(read)
        return super().input_dist(ctx, read)

    def _preprocessed(self, features: Any) -> Any:
        """The same batch with what the maps make of its ids."""
        maps = self._managed_collision_collection._managed_collision_modules  # noqa: SLF001
        ids = []
        for feature, of_feature in features.to_dict().items():
            table = self._table_of.get(feature)
            made = (
                of_feature if table is None else maps[table].preprocess({table: of_feature})[table]
            )
            ids.append(made.values())
        return with_values(features, torch.cat(ids))


class ShardedManagedSequences(ShardedManagedCollisionEmbeddingCollection):  # type: ignore[misc]
    """What TorchRec shards; features may change their order, and weights of ids are left out."""

    def __init__(self, module: Any, *arguments: Any, **options: Any) -> None:
        """As TorchRec's."""
        super().__init__(module, *arguments, **options)
        configs = module._embedding_module.embedding_configs()  # noqa: SLF001
        features = {f for each in configs for f in each.feature_names}
        self._reader = BatchReader(features, IdWeights.IGNORED)

    def input_dist(self, ctx: Any, features: Any) -> Any:
        """Begin to send a batch's raw ids. Raises ValueError as ``BatchReader.read``."""
        return super().input_dist(ctx, self._reader.read(features))


class ManagedBagSharder(ManagedCollisionEmbeddingBagCollectionSharder):  # type: ignore[misc]
    """TorchRec's sharder, for ``ShardedManagedBags``.

    They read a batch themselves, and call TorchRec's own collection from inside.
    """

    def __init__(self, options: ModuleOptions) -> None:
        inside = EmbeddingBagCollectionSharder(options.fused_params(), options.codecs())
        super().__init__(ebc_sharder=inside)
        self._options = options

    def shard(
        self, module: Any, params: Any, env: Any, device: Any = None, module_fqn: Any = None
    ) -> ShardedManagedBags:
        """The module, sharded."""
        told, codecs = self._options.fused_params(module_fqn), self._options.codecs(module_fqn)
        inside = EmbeddingBagCollectionSharder(told, codecs)
        sharded = ShardedManagedBags(
            module, params, inside, self._mc_sharder, env=env, device=device
        )
        self._options.keep_format(sharded._embedding_module, module_fqn)  # noqa: SLF001
        return sharded


class ManagedSequenceSharder(ManagedCollisionEmbeddingCollectionSharder):  # type: ignore[misc]
    """TorchRec's sharder, for ``ShardedManagedSequences``, and TorchRec's collection inside."""

    def __init__(self, options: ModuleOptions) -> None:
        inside = EmbeddingCollectionSharder(options.fused_params(), options.codecs())
        super().__init__(ec_sharder=inside)
        self._options = options

    def shard(
        self, module: Any, params: Any, env: Any, device: Any = None, module_fqn: Any = None
    ) -> ShardedManagedSequences:
        """The module, sharded."""
        told, codecs = self._options.fused_params(module_fqn), self._options.codecs(module_fqn)
        inside = EmbeddingCollectionSharder(
            told, codecs, use_index_dedup=self._options.is_distinct(module_fqn)
        )
        sharded = ShardedManagedSequences(
            module, params, inside, self._mc_sharder, env=env, device=device
        )
        self._options.keep_format(sharded._embedding_module, module_fqn)  # noqa: SLF001
        return sharded


def map_faults(
    model: Any, modules: Iterable[SparseModule], device_type: str
) -> Iterator[Diagnostic]:
    """Maps from ids to rows that these devices cannot train."""
    for module in modules:
        if module.kind is not ModuleKind.MANAGED_COLLISION or module.collection is None:
            continue
        maps = model.get_submodule(module.path)._managed_collision_collection  # noqa: SLF001
        for name, each in maps._managed_collision_modules.items():  # noqa: SLF001
            if device_type == "cpu" and isinstance(each, HashZchManagedCollisionModule):
                where = ".".join(part for part in (module.path, name) if part)
                message = f"{type(each).__name__}: FBGEMM gives ids rows by it on GPUs alone"
                hint = "use an MCHManagedCollisionModule, or train on GPUs"
                yield Diagnostic("model", 0, 0, where, message, hint, code="executor")
