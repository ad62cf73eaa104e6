"""TorchRec's sharded EmbeddingCollection, which reads batches as the unsharded one does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torchrec.distributed.embedding import EmbeddingCollectionSharder, ShardedEmbeddingCollection

from shardplan.executor.torchrec.sharded.batch_reader import BatchReader, IdWeights

if TYPE_CHECKING:
    from shardplan.executor.torchrec.sharded.module_options import ModuleOptions


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

    def __init__(self, options: ModuleOptions) -> None:
        super().__init__(options.fused_params(), options.codecs())
        self._options = options

    def shard(
        self, module: Any, params: Any, env: Any, device: Any = None, module_fqn: Any = None
    ) -> ShardedSequences:
        """The module, sharded."""
        sharded = ShardedSequences(
            module,
            params,
            env,
            self._options.fused_params(module_fqn),
            device,
            qcomm_codecs_registry=self._options.codecs(module_fqn),
            use_index_dedup=self._options.is_distinct(module_fqn),
            module_fqn=module_fqn,
        )
        self._options.keep_format(sharded, module_fqn)
        return sharded
