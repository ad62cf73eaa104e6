"""TorchRec's collections as a plan has them, for programs without a model of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torchrec import (
    EmbeddingBagCollection,
    EmbeddingBagConfig,
    EmbeddingCollection,
    EmbeddingConfig,
)
from torchrec.modules.embedding_configs import DataType, PoolingType

if TYPE_CHECKING:
    from shardplan.executor.planned.plan_view import PlanView

_DTYPES = {"fp32": DataType.FP32, "fp16": DataType.FP16, "bf16": DataType.BF16}


class Collections(torch.nn.Module):  # type: ignore[misc]
    """A plan's tables on the meta device, in collections where the plan's modules say."""

    def __init__(self, view: PlanView) -> None:
        super().__init__()
        for module in view.modules:
            *parents, last = module.split(".")
            at: Any = self
            for name in parents:
                if name not in dict(at.named_children()):
                    at.add_module(name, torch.nn.Module())
                at = getattr(at, name)
            at.add_module(last, collection_of(view, module))
        self._modules_of_tables = view.modules

    def forward(self, features: Any) -> list[Any]:
        """What each module gives."""
        return [self.get_submodule(module)(features) for module in self._modules_of_tables]


def collection_of(view: PlanView, module: str) -> Any:
    """The collection of one module on the meta device: a bag, or a sequence."""
    shapes = {
        table: {
            "name": table.name,
            "embedding_dim": table.dim,
            "num_embeddings": table.rows,
            "feature_names": list(table.features),
            "data_type": _DTYPES[table.dtype],
        }
        for table in view.tables_of(module)
    }
    meta = torch.device("meta")
    if not view.collection_of(module).is_pooled:
        tables = [EmbeddingConfig(**shape) for shape in shapes.values()]
        return EmbeddingCollection(tables=tables, device=meta)
    bags = [
        EmbeddingBagConfig(**shape, pooling=PoolingType.MEAN if t.is_mean else PoolingType.SUM)
        for t, shape in shapes.items()
    ]
    return EmbeddingBagCollection(tables=bags, is_weighted=view.is_weighted(module), device=meta)
