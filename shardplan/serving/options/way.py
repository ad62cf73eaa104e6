"""The ways to lay one table over the devices of a replica."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from shardplan.sharding.kind import ShardingType


@dataclass(frozen=True, slots=True)
class Way:
    """A sharding type and the devices of its shards, in the order of rows or columns."""

    sharding: ShardingType
    devices: tuple[int, ...]

    @property
    def cuts_rows(self) -> bool:
        """Whether each shard has some of the rows; else, of several, some of the columns."""
        return self.sharding is ShardingType.ROW_WISE

    @property
    def shards(self) -> int:
        """How many."""
        return len(self.devices)


@cache
def ways(devices: int) -> tuple[Way, ...]:
    """All that are offered on so many devices.

    A table whole on any device; its columns over 2, 4, 8, .. devices, neighbours from a multiple of
    their number on; its rows over all devices.
    """
    found = [Way(ShardingType.TABLE_WISE, (device,)) for device in range(devices)]
    parts = 2
    while parts <= devices:
        found += [
            Way(ShardingType.COLUMN_WISE, tuple(range(first, first + parts)))
            for first in range(0, devices - parts + 1, parts)
        ]
        parts *= 2
    if devices > 1:
        found.append(Way(ShardingType.ROW_WISE, tuple(range(devices))))
    return tuple(found)
