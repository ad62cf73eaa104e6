"""What a text says of one table of a TorchRec plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class StatedShard:
    """A shard and where it lies."""

    offsets: tuple[int, int]
    sizes: tuple[int, int]
    rank: int


@dataclass(frozen=True, slots=True)
class StatedTable:
    """A table by its module and name, in TorchRec's words."""

    module: str
    name: str
    sharding_type: str
    compute_kernel: str
    ranks: tuple[int, ...]
    shards: tuple[StatedShard, ...] = ()
    """None of data-parallel tables, and of those of which only the number of columns is told."""
    column_shards: int | None = None
    """Told in place of shards."""
    load_factor: float | None = None
    """Of a cache, where the text says it."""
    line: int = 0
    """Where the text says it; counts from 1, 0 where lines mean nothing."""

    def with_shards(self, shards: Sequence[StatedShard]) -> Self:
        """The same, with its shards."""
        return replace(self, shards=tuple(shards))
