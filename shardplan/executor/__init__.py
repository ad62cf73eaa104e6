"""Plans run: under TorchRec, and under plain ``torch.distributed``."""

from typing import Any


def __getattr__(name: str) -> Any:
    """The class that this package is about, imported when asked for: only it needs PyTorch."""
    if name == "ShardedEmbeddingBagCollection":
        from shardplan.executor.native.collection import ShardedEmbeddingBagCollection

        return ShardedEmbeddingBagCollection
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
