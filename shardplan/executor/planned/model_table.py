"""The embedding tables of a model, as far as a plan speaks of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class ModelTable:
    """A table of an EmbeddingBagCollection."""

    module: str
    """The collection's path in the model; "" where it is the model."""
    name: str
    rows: int
    dim: int
    features: tuple[str, ...]
    dtype: str
    """By its name in a spec: ``fp32``."""
    device_type: str = "meta"
    optimizers: tuple[str, ...] = ()
    """Names of the classes that ``apply_optimizer_in_backward`` has set."""


def tables_of(model: Any) -> tuple[ModelTable, ...]:
    """The tables of a module's EmbeddingBagCollections: whatever has ``embedding_bag_configs``."""
    return tuple(
        table
        for path, module in model.named_modules()
        if hasattr(module, "embedding_bag_configs")
        for table in _tables(path, module)
    )


def _tables(path: str, module: Any) -> Iterator[ModelTable]:
    for config in module.embedding_bag_configs():
        weight = module.embedding_bags[config.name].weight
        yield ModelTable(
            module=path,
            name=config.name,
            rows=config.num_embeddings,
            dim=config.embedding_dim,
            features=tuple(config.feature_names),
            dtype=config.data_type.value.lower(),
            device_type=weight.device.type,
            optimizers=tuple(each.__name__ for each in getattr(weight, "_optimizer_classes", ())),
        )
