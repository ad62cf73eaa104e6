"""Finds the modules of a PyTorch model that hold embedding tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shardplan.errors import ShardplanError
from shardplan.model.initial_weights import initial_weights
from shardplan.model.sparse_module import ModuleKind, SparseModule, SparseTable
from shardplan.model.tables_within import TablesWithin, tables_within
from shardplan.model.unkept import places_of_memory, unkept
from shardplan.workload.collection import CollectionKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_PLANNED = {
    CollectionKind.BAG: ModuleKind.BAG,
    CollectionKind.SEQUENCE: ModuleKind.SEQUENCE,
    CollectionKind.FEATURE_PROCESSED: ModuleKind.FEATURE_PROCESSED,
    CollectionKind.MANAGED_COLLISION: ModuleKind.MANAGED_COLLISION,
}
_KINDS = {
    "FeatureProcessedEmbeddingBagCollection": ModuleKind.FEATURE_PROCESSED,
    "BaseManagedCollisionEmbeddingCollection": ModuleKind.MANAGED_COLLISION,
    "EmbeddingCollectionInterface": ModuleKind.SEQUENCE,
}
"""By the name of an ancestor's class."""
_PACKAGES = ("torchrec.modules.", "torchrec.quant.", "fbgemm_gpu.")
_DYNAMIC = "dynamicemb."
_TRANSPARENT = frozenset(
    {
        "torchrec.modules.embedding_tower.EmbeddingTower",
        "torchrec.modules.embedding_tower.EmbeddingTowerCollection",
    }
)
"""Modules that only call those inside them."""
_CONFIGS = ("embedding_bag_configs", "embedding_configs")


def sparse_modules(model: Any) -> tuple[SparseModule, ...]:
    """Every module with tables, in the order of the model; needs neither PyTorch nor TorchRec.

    A module is told by its class: TorchRec shards by the exact class, so that a class derived from
    one of its collections is a kind of its own. Plain embeddings count where their gradients are
    sparse; others are parameters like those of any layer. A collection without tables is none.
    Raises ShardplanError where a module lies in itself.
    """
    places: dict[int, list[str]] = {}
    modules: dict[int, tuple[Any, ModuleKind]] = {}
    outer: str | None = None
    for path, module in _at_every_path(model):
        if outer is not None and (not outer or path.startswith(outer + ".")):
            continue
        kind = _kind(module)
        outer = path if kind is not None else None
        if kind is not None:
            places.setdefault(id(module), []).append(path)
            modules[id(module)] = module, kind
    memory = places_of_memory(model)
    return tuple(
        _read(module, kind, places[key], memory) for key, (module, kind) in modules.items()
    )


def _at_every_path(
    module: Any, path: str = "", around: tuple[int, ...] = ()
) -> Iterator[tuple[str, Any]]:
    """Every module at each of its paths, the outer ones first."""
    if id(module) in around:
        message = f"the model's {path} lies in itself: PyTorch cannot train such modules"
        raise ShardplanError(f"{message}; hold it in a list or a tuple there")
    yield path, module
    # named_children() passes over what a module has under a second name.
    for name, child in vars(module)["_modules"].items():
        if child is not None:
            inner = f"{path}.{name}" if path else name
            yield from _at_every_path(child, inner, (*around, id(module)))


def _kind(module: Any) -> ModuleKind | None:
    """None for modules without tables of their own."""
    ancestors = [f"{each.__module__}.{each.__qualname__}" for each in type(module).__mro__]
    if within := tables_within(module):
        return _PLANNED[within.collection.kind] if within.configs else None
    names = [ancestor.rpartition(".")[2] for ancestor in ancestors]
    if any(each.startswith("torchrec.distributed.") for each in ancestors) and _is_sharded(names):
        return ModuleKind.SHARDED
    if any(each.startswith(_DYNAMIC) and "Embedding" in each for each in ancestors):
        return ModuleKind.DYNAMIC
    if any(each in _TRANSPARENT for each in ancestors):
        return None
    if known := [_KINDS[name] for name in names if name in _KINDS]:
        return known[0]
    if any(each.startswith(_PACKAGES) and "Embedding" in each for each in ancestors):
        return ModuleKind.OTHER
    if getattr(module, "sparse", False) is True and hasattr(module, "num_embeddings"):
        return ModuleKind.OTHER
    has_configs = any(callable(getattr(type(module), name, None)) for name in _CONFIGS)
    return ModuleKind.OTHER if has_configs else None


def _is_sharded(names: list[str]) -> bool:
    return any(name.startswith("Sharded") for name in names)


def _read(
    module: Any, kind: ModuleKind, paths: list[str], memory: Mapping[int, list[str]]
) -> SparseModule:
    within = tables_within(module)
    return SparseModule(
        path=paths[0],
        class_name=type(module).__name__,
        kind=kind,
        collection=within.collection if within else None,
        tables=tuple(_tables(within)) if within else (),
        is_weighted=within.is_weighted if within else False,
        other_paths=tuple(paths[1:]),
        table_names=tuple(dict.fromkeys(_table_names(module))),
        unkept=tuple(unkept(module, within, paths, memory)) if within else (),
    )


def _table_names(module: Any) -> Iterator[str]:
    """Of the module, or of those that it wraps."""
    for inner in module.modules():
        for name in _CONFIGS:
            if callable(getattr(type(inner), name, None)):
                yield from (str(config.name) for config in getattr(inner, name)())


def _tables(within: TablesWithin) -> Iterator[SparseTable]:
    for config, lookup in within.items():
        weight = lookup.weight
        initial, init_fn = initial_weights(
            config.init_fn, config.num_embeddings, config.embedding_dim
        )
        yield SparseTable(
            name=config.name,
            rows=config.num_embeddings,
            dim=config.embedding_dim,
            dtype=config.data_type.value.lower(),
            features=tuple(config.feature_names),
            pooling=config.pooling.value.lower() if within.collection.is_pooled else "none",
            initial=initial,
            init_fn=init_fn,
            device_type=weight.device.type,
            optimizers=_names(getattr(weight, "_optimizer_classes", ())),
            optimizer_settings=tuple(
                pair for given in getattr(weight, "_optimizer_kwargs", ()) for pair in given.items()
            ),
        )


def _names(classes: Iterable[type]) -> tuple[str, ...]:
    return tuple(each.__name__ for each in classes)
