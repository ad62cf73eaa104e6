"""TorchRec's sharded FeatureProcessedEmbeddingBagCollection, which leaves batches as they are."""

from __future__ import annotations

from typing import Any

from torchrec.distributed.fp_embeddingbag import (
    FeatureProcessedEmbeddingBagCollectionSharder,
    ShardedFeatureProcessedEmbeddingBagCollection,
)
from torchrec.sparse.jagged_tensor import KeyedJaggedTensor

from shardplan.executor.torchrec.sharded.batch_reader import without_weights


class ShardedProcessed(ShardedFeatureProcessedEmbeddingBagCollection):  # type: ignore[misc]
    """What TorchRec shards.

    Where rows are cut it writes positions over the weights of the batch that it is given, and other
    modules would read them there: it is given a batch of its own.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """As TorchRec's."""
        super().__init__(*arguments, **options)
        self._embedding_bag_collection.weights_are_made()

    def input_dist(self, ctx: Any, features: Any) -> Any:
        """Begin to send a batch's ids. Raises ValueError where features are missing."""
        if isinstance(features, KeyedJaggedTensor) and not self.is_pipelined:
            features = without_weights(features)
        return super().input_dist(ctx, features)


class ProcessedSharder(FeatureProcessedEmbeddingBagCollectionSharder):  # type: ignore[misc]
    """TorchRec's sharder, for ``ShardedProcessed``."""

    def shard(
        self, module: Any, params: Any, env: Any, device: Any = None, module_fqn: Any = None
    ) -> ShardedProcessed:
        """The module, sharded."""
        return ShardedProcessed(
            module,
            params,
            ebc_sharder=self._ebc_sharder,
            env=env,
            device=device,
            module_fqn=module_fqn,
        )
