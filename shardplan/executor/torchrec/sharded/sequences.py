"""TorchRec's sharded EmbeddingCollection, which reads batches as the unsharded one does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torchrec.distributed.embedding import EmbeddingCollectionSharder, ShardedEmbeddingCollection

from shardplan.executor.torchrec.sharded.batch_reader import BatchReader, IdWeights

if TYPE_CHECKING:
    from collections.abc import Collection


class ShardedSequences(ShardedEmbeddingCollection):  # type: ignore[misc]
    """What TorchRec shards; features may change their order, and weights of ids are left out."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """As TorchRec's."""
        super().__init__(*arguments, **options)
        features = {f for each in self._embedding_configs for f in each.feature_names}
        self._reader = BatchReader(features, IdWeights.IGNORED)

    def input_dist(self, ctx: Any, features: Any) -> Any:
        """Begin to send a batch's ids. Raises ValueError where features are missing."""
        return super().input_dist(ctx, self._reader.read(features))


class SequenceSharder(EmbeddingCollectionSharder):  # type: ignore[misc]
    """TorchRec's sharder, for ``ShardedSequences``; ids are made distinct in some modules alone."""

    def __init__(self, distinct: Collection[str] = (), **options: Any) -> None:
        """``distinct`` are the paths of those modules."""
        super().__init__(**options)
        self._distinct = frozenset(distinct)

    def shard(
        self, module: Any, params: Any, env: Any, device: Any = None, module_fqn: Any = None
    ) -> ShardedSequences:
        """The module, sharded."""
        return ShardedSequences(
            module,
            params,
            env,
            self.fused_params,
            device,
            qcomm_codecs_registry=self.qcomm_codecs_registry,
            use_index_dedup=(module_fqn or "") in self._distinct,
            module_fqn=module_fqn,
        )
