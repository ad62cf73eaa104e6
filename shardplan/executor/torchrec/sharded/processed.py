"""TorchRec's sharded FeatureProcessedEmbeddingBagCollection, which leaves batches as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torchrec.distributed.fp_embeddingbag import (
    FeatureProcessedEmbeddingBagCollectionSharder,
    ShardedFeatureProcessedEmbeddingBagCollection,
)
from torchrec.sparse.jagged_tensor import KeyedJaggedTensor

from shardplan.diagnostics import Diagnostic
from shardplan.executor.torchrec.sharded.batch_reader import without_weights
from shardplan.model.sparse_module import ModuleKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shardplan.model.sparse_module import SparseModule


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

    def preprocess_input(self, args: Any, kwargs: Any) -> Any:
        """What pipelines call before ``input_dist``."""
        return super().preprocess_input(
            [_own(each) for each in args], {name: _own(each) for name, each in kwargs.items()}
        )


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


def processor_faults(model: Any, modules: Iterable[SparseModule]) -> Iterator[Diagnostic]:
    """Weights of feature processors on the meta device that nothing gives values.

    TorchRec gives them memory, and calls whatever ``reset_parameters`` there is around them.
    """
    for module in modules:
        if module.kind is not ModuleKind.FEATURE_PROCESSED or module.collection is None:
            continue
        processors = model.get_submodule(module.path)._feature_processors  # noqa: SLF001
        reset = [path for path, each in processors.named_modules() if _resets(each)]
        for name, weight in processors.named_parameters():
            is_reset = any(not path or name.startswith(f"{path}.") for path in reset)
            if weight.is_meta and not is_reset:
                where = ".".join(p for p in (module.path, "_feature_processors", name) if p)
                message = f"{module.class_name}: no reset_parameters gives it values"
                hint = "make feature processors on the CPU or a GPU"
                yield Diagnostic("model", 0, 0, where, message, hint, code="executor")


def _resets(module: Any) -> bool:
    return hasattr(module, "reset_parameters")


def _own(value: Any) -> Any:
    return without_weights(value) if isinstance(value, KeyedJaggedTensor) else value
