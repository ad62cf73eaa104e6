"""The embedding tables of a model, as far as a plan speaks of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torchrec.modules.embedding_modules import EmbeddingBagCollection


@dataclass(frozen=True, slots=True)
class ModelTable:
    """A table of an EmbeddingBagCollection."""

    name: str
    rows: int
    dim: int
    dtype: str
    """By its name in a spec: ``fp32``."""
    features: tuple[str, ...]
    device_type: str = "meta"
    optimizers: tuple[str, ...] = ()
    """Names of the classes that ``apply_optimizer_in_backward`` has set."""


def model_tables(model: Any) -> dict[str, tuple[ModelTable, ...]]:
    """The tables of each EmbeddingBagCollection, by its path in the model; "" is the model."""
    return {
        path: _tables(module)
        for path, module in model.named_modules()
        if isinstance(module, EmbeddingBagCollection)
    }


def _tables(module: Any) -> tuple[ModelTable, ...]:
    weights = {name: bag.weight for name, bag in module.embedding_bags.items()}
    return tuple(
        ModelTable(
            name=config.name,
            rows=config.num_embeddings,
            dim=config.embedding_dim,
            dtype=config.data_type.value.lower(),
            features=tuple(config.feature_names),
            device_type=weights[config.name].device.type,
            optimizers=tuple(
                each.__name__ for each in getattr(weights[config.name], "_optimizer_classes", ())
            ),
        )
        for config in module.embedding_bag_configs()
    )
