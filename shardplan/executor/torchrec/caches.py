"""Caches of a plan as TorchRec's parameters, one by one where TorchRec would merge them."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

from torchrec.distributed.types import CacheAlgorithm, CacheParams, KeyValueParams

from shardplan.options.kernel import Kernel

if TYPE_CHECKING:
    from collections.abc import Hashable

    from shardplan.plan.plan import Plan
    from shardplan.plan.table_entry import CacheEntry, TableEntry
    from shardplan.workload.dtype import Dtype

Key = tuple[str, str]
"""Module and table."""

_MOST_OF_KEY_VALUE = 0.2
"""TorchRec's own load factor of key-value tables, which a size can lower but not raise."""


def caches_of(plan: Plan) -> dict[Key, dict[str, Any]]:
    """``cache_params`` and ``key_value_params`` of every table that has a cache.

    TorchRec puts tables of one rank into one batched operator, gives it the mean of their load
    factors weighted by rows, cache lines as wide as its widest table, and key-value tables one
    cache for all. Parameters that differ keep tables apart, even one that does nothing:
    ``reserved_memory`` is taken in whole bytes, so that a fraction of a byte reserves none. Tables
    get the same fraction where they may share an operator: with the same load factor and width.
    """
    cached = {
        (module, name): entry
        for module, entries in plan.plan.items()
        for name, entry in entries.items()
        if entry.cache is not None
    }
    dtypes = {(table.module, table.name): table.dtype for table in plan.tables}
    groups = {key: _group(key, entry) for key, entry in cached.items()}
    order = {group: i for i, group in enumerate(dict.fromkeys(groups.values()), start=1)}
    found = {}
    for key, entry in cached.items():
        fraction = order[groups[key]] / (len(order) + 1)
        found[key] = {"cache_params": _cache_params(entry, fraction, _prefetches(plan))}
        if entry.compute_kernel is Kernel.KEY_VALUE:
            found[key]["key_value_params"] = _key_value_params(key, entry, dtypes[key])
    return found


def _group(key: Key, entry: TableEntry) -> Hashable:
    """Tables of the same group may share an operator."""
    if entry.compute_kernel is Kernel.KEY_VALUE:
        return key
    assert entry.cache is not None
    width = max((shard.shard_sizes[1] for shard in entry.shards), default=0)
    return (entry.cache.load_factor, width)


def _cache_params(entry: TableEntry, fraction: float, prefetches: bool) -> Any:
    assert entry.cache is not None
    algorithm = getattr(entry.cache, "algorithm", "lru")
    return CacheParams(
        algorithm=CacheAlgorithm.LFU if algorithm == "lfu" else CacheAlgorithm.LRU,
        load_factor=entry.cache.load_factor,
        reserved_memory=fraction,
        prefetch_pipeline=True if prefetches else None,
    )


def _key_value_params(key: Key, entry: TableEntry, dtype: Dtype) -> Any:
    """Sizes for the table's largest shard: TorchRec counts in whole MiB of HBM, GiB of DDR."""
    assert entry.cache is not None
    in_hbm, in_ddr = entry.cache.load_factor, _ddr_load_factor(entry.cache)
    if in_hbm > _MOST_OF_KEY_VALUE:
        message = f"the HBM cache of {'.'.join(key)} shall hold {in_hbm:.0%} of its rows"
        most = f"TorchRec gives a key_value table at most {_MOST_OF_KEY_VALUE:.0%}"
        warnings.warn(f"{message}; {most}", stacklevel=2)
    largest = max(math.prod(shard.shard_sizes) for shard in entry.shards) * dtype.bytes
    return KeyValueParams(
        max_l1_cache_size=math.ceil(in_hbm * largest / 2**20),
        l2_cache_size=math.ceil(in_ddr * largest / 2**30),
    )


def _ddr_load_factor(cache: CacheEntry) -> float:
    """The further share of rows that DDR holds, 0 where the plan gives none."""
    return getattr(cache, "ddr_load_factor", None) or 0.0


def _prefetches(plan: Plan) -> bool:
    training = (plan.resolved or {}).get("training", {})
    return bool(training.get("pipeline") == "prefetch_sparse_dist")
