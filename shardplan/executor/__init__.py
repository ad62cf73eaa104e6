"""Plans run: under TorchRec, and under plain ``torch.distributed``."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shardplan.executor.exchange.mesh import Mesh
    from shardplan.executor.native.collection import ShardedEmbeddingBagCollection
    from shardplan.executor.native.sequence_collection import ShardedEmbeddingCollection
    from shardplan.executor.native.sharded_tables import shard_tables
    from shardplan.executor.planned.optimizer_settings import OptimizerSettings
    from shardplan.executor.planned.plan_view import view_plan

__all__ = [
    "Mesh",
    "OptimizerSettings",
    "ShardedEmbeddingBagCollection",
    "ShardedEmbeddingCollection",
    "shard_tables",
    "view_plan",
]

_HOMES = {
    "Mesh": "exchange.mesh",
    "OptimizerSettings": "planned.optimizer_settings",
    "ShardedEmbeddingBagCollection": "native.collection",
    "ShardedEmbeddingCollection": "native.sequence_collection",
    "shard_tables": "native.sharded_tables",
    "view_plan": "planned.plan_view",
}


def __getattr__(name: str) -> Any:
    """What this package offers, imported when asked for: only some of it needs PyTorch."""
    if name in _HOMES:
        return getattr(import_module(f"shardplan.executor.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
