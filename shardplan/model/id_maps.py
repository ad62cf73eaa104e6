"""How the managed collections of a model map raw ids to rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shardplan.model.class_path import class_path
from shardplan.workload.collection import CollectionKind
from shardplan.workload.module.id_map import IdMap, IdMapPolicy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shardplan.model.sparse_module import SparseModule

_SORTED = "torchrec.modules.mc_modules.MCHManagedCollisionModule"
_HASHED = "torchrec.modules.hash_mc_modules.HashZchManagedCollisionModule"
_POLICIES = {
    "torchrec.modules.mc_modules.LFU_EvictionPolicy": IdMapPolicy.LFU,
    "torchrec.modules.mc_modules.LRU_EvictionPolicy": IdMapPolicy.LRU,
    "torchrec.modules.mc_modules.DistanceLFU_EvictionPolicy": IdMapPolicy.DISTANCE_LFU,
}


def id_map_of(module: Any) -> IdMap | None:
    """Of a managed collection, the map of the table whose map takes most; None where none is known.

    Needs neither PyTorch nor TorchRec.
    """
    known = [found for _, each in _maps(module) if (found := _read(module, each))]
    return max(known, key=lambda each: (each.row_bytes, each.id_bytes), default=None)


def map_note(model: Any, modules: Iterable[SparseModule]) -> str:
    """Of which tables a spec's one map for all of a module does not tell; empty for none."""
    unlike = []
    for sparse in modules:
        collection = sparse.collection
        if collection is None or collection.kind is not CollectionKind.MANAGED_COLLISION:
            continue
        module = model.get_submodule(sparse.path)
        for name, each in _maps(module):
            found = _read(module, each)
            if found is None or found != collection.id_map:
                where = ".".join(part for part in (sparse.path, name) if part)
                unlike.append(f"{where} ({type(each).__name__})")
    if not unlike:
        return ""
    return (
        f"id_map is one for all tables of a module, and does not tell what the map of "
        f"{', '.join(unlike)} takes"
    )


def _maps(module: Any) -> Iterator[tuple[str, Any]]:
    """Of each table, by its name."""
    maps = module._managed_collision_collection  # noqa: SLF001
    yield from maps._managed_collision_modules.items()  # noqa: SLF001


def _read(module: Any, id_map: Any) -> IdMap | None:
    """None for a class whose memory nobody knows."""
    returns_ids = bool(module._return_remapped_features)  # noqa: SLF001
    name = class_path(id_map)
    if name == _HASHED:
        evicts = id_map._eviction_policy_name is not None  # noqa: SLF001
        policy = IdMapPolicy.HASH_EVICTING if evicts else IdMapPolicy.HASH
        numbers = id_map._write_runtime_meta_dim or int(id_map._track_id_freq)  # noqa: SLF001
        return IdMap(policy, returns_ids=returns_ids, runtime_meta_dim=numbers)
    if name != _SORTED or class_path(id_map._eviction_policy) not in _POLICIES:  # noqa: SLF001
        return None
    policy = _POLICIES[class_path(id_map._eviction_policy)]  # noqa: SLF001
    return IdMap(policy, id_map._eviction_interval, returns_ids)  # noqa: SLF001
