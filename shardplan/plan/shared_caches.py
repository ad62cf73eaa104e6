"""Which tables of a plan may be cached by one operator of FBGEMM, as they are planned."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from shardplan.options import limits

if TYPE_CHECKING:
    from collections.abc import Hashable

    from shardplan.plan.file.plan import Plan
    from shardplan.plan.file.table_entry import CacheEntry, TableEntry

Key = tuple[str, str]
"""Module and table."""


def shared_caches(plan: Plan) -> dict[Key, int]:
    """A number for every table that has a cache: those of one number may share an operator.

    One operator has one cache for all of its tables, with one load factor, algorithm and width, and
    FBGEMM counts its rows together. Tables on SSD have an operator each.
    """
    number_of: dict[Key, int] = {}
    opened: dict[Hashable, dict[int, Counter[int]]] = {}
    for module, entries in plan.plan.items():
        for name, entry in entries.items():
            if entry.cache is None:
                continue
            key, own = (module, name), _cached_rows(entry, entry.cache)
            most = limits.most_cached_rows(
                entry.compute_kernel, entry.cache.algorithm, plan.world.devices
            )
            there = opened.setdefault(_kind(key, entry, entry.cache), {})
            number = next(
                (
                    number
                    for number, held in there.items()
                    if most is None or all(held[rank] + rows <= most for rank, rows in own.items())
                ),
                sum(map(len, opened.values())),
            )
            there.setdefault(number, Counter()).update(own)
            number_of[key] = number
    return number_of


def _kind(key: Key, entry: TableEntry, cache: CacheEntry) -> Hashable:
    """What tables have in common that may share an operator."""
    if entry.compute_kernel.is_on_ssd:
        return key
    width = max((shard.shard_sizes[1] for shard in entry.shards), default=0)
    return (cache.load_factor, cache.algorithm, width)


def _cached_rows(entry: TableEntry, cache: CacheEntry) -> Counter[int]:
    """Rows that a table's caches hold, by rank."""
    held: Counter[int] = Counter()
    for rank, shard in zip(entry.ranks, entry.shards, strict=False):
        held[rank] += math.ceil(shard.shard_sizes[0] * cache.load_factor)
    return held
