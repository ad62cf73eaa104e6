"""Caches of a plan as TorchRec's parameters, one by one where TorchRec would merge them."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torchrec.distributed import types
from torchrec.distributed.types import CacheParams, KeyValueParams

from shardplan.plan.shared_caches import shared_caches
from shardplan.plan.stated import training_of
from shardplan.workload.training import CacheAlgorithm

if TYPE_CHECKING:
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.file.table_entry import CacheEntry, TableEntry
    from shardplan.plan.shared_caches import Key
    from shardplan.workload.dtype import Dtype

_ALGORITHMS = {
    CacheAlgorithm.LRU: types.CacheAlgorithm.LRU,
    CacheAlgorithm.LFU: types.CacheAlgorithm.LFU,
}

_MOST_OF_KEY_VALUE = 0.2
"""TorchRec's own load factor of key-value tables, which a size can lower but not raise."""


def caches_of(plan: Plan) -> dict[Key, dict[str, Any]]:
    """``cache_params`` and ``key_value_params`` of every table that has a cache.

    TorchRec puts tables of one rank into one batched operator, gives it the mean of their load
    factors weighted by rows, cache lines as wide as its widest table, and key-value tables one
    cache for all. Parameters that differ keep tables apart, even one that does nothing:
    ``reserved_memory`` is taken in whole bytes, so that a fraction of a byte reserves none. Tables
    get the same fraction where they may share an operator: with the same load factor, algorithm
    and width, and as long as FBGEMM can count the rows that its cache holds.
    """
    cached = [
        _Cached((module, name), entry, entry.cache)
        for module, entries in plan.plan.items()
        for name, entry in entries.items()
        if entry.cache is not None
    ]
    dtypes = {(table.module, table.name): table.dtype for table in plan.tables}
    operators = shared_caches(plan)
    count = max(operators.values(), default=0) + 1
    training = training_of(plan)
    is_prefetched = training is not None and training.pipeline.prefetches
    found: dict[Key, dict[str, Any]] = {}
    for each in cached:
        fraction = (operators[each.key] + 1) / (count + 1)
        found[each.key] = {"cache_params": _cache_params(each.cache, fraction, is_prefetched)}
        if each.entry.compute_kernel.is_on_ssd:
            found[each.key]["key_value_params"] = _key_value_params(each, dtypes[each.key])
    return found


@dataclass(frozen=True, slots=True)
class _Cached:
    """A table that has a cache."""

    key: Key
    entry: TableEntry
    cache: CacheEntry


def _cache_params(cache: CacheEntry, fraction: float, is_prefetched: bool) -> CacheParams:
    return CacheParams(
        algorithm=_ALGORITHMS[cache.algorithm],
        load_factor=cache.load_factor,
        reserved_memory=fraction,
        prefetch_pipeline=True if is_prefetched else None,
    )


def _key_value_params(cached: _Cached, dtype: Dtype) -> KeyValueParams:
    """Sizes for the table's largest shard: TorchRec counts in whole MiB of HBM, GiB of DDR."""
    in_hbm, in_ddr = cached.cache.load_factor, cached.cache.ddr_load_factor or 0.0
    if in_hbm > _MOST_OF_KEY_VALUE:
        message = f"the HBM cache of {'.'.join(cached.key)} shall hold {in_hbm:.0%} of its rows"
        most = f"TorchRec gives a key_value table at most {_MOST_OF_KEY_VALUE:.0%}"
        warnings.warn(f"{message}; {most}", stacklevel=2)
    largest = max(math.prod(shard.shard_sizes) for shard in cached.entry.shards) * dtype.bytes
    return KeyValueParams(
        max_l1_cache_size=math.ceil(in_hbm * largest / 2**20),
        l2_cache_size=math.ceil(in_ddr * largest / 2**30),
    )
