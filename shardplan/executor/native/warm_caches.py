"""Caches that begin with the rows that are known to be hot, in place of empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.executor.memory.hot_counts import HotCounts
    from shardplan.executor.native.sharded_collection import ShardedCollection


def warm_caches(tables: Mapping[str, ShardedCollection], hot: Mapping[str, HotCounts]) -> None:
    """Fill this rank's caches with the hottest rows of its shards, as far as there is room.

    ``tables`` are the collections that ``shard_tables`` gave, none of which has a batch in flight;
    ``hot`` has ids by ``module/table`` or table, hottest first. What is trained stays the same bit
    for bit: rows are read sooner, and nothing else. To be called after ``shard_tables``, and again
    after a checkpoint was read, which empties caches. Ids that are no rows of a table are left out.
    """
    for path, collection in tables.items():
        prefix = f"{path}/"
        own = {name: found for name, found in hot.items() if "/" not in name}
        own |= {
            name.removeprefix(prefix): found
            for name, found in hot.items()
            if name.startswith(prefix)
        }
        for group in collection.groups:
            group.warm(own)
