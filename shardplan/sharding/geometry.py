"""Where the shards of a table lie: exact offsets and sizes, and what TorchRec's runtime accepts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from shardplan.sharding.kind import ShardingType

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMN_MULTIPLE = 4
"""FBGEMM's kernels read rows in vectors of this many elements."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A rectangle of a table, and the rank that holds it."""

    rank: int
    row_offset: int
    column_offset: int
    rows: int
    columns: int


def shards(
    sharding_type: ShardingType,
    rows: int,
    dim: int,
    column_shards: int,
    world_size: int,
    devices_per_node: int,
    targets: Sequence[int],
) -> tuple[Shard, ...]:
    """The shards of one table, column block by column block and from the first row down in each.

    ``targets`` holds one device for table-wise, one per column shard for column-wise; one node for
    table-row-wise and table-column-wise, one per column shard for grid; none for row-wise and
    data-parallel. A table-column-wise node gives each of its devices, in order,
    ``column_shards / devices_per_node`` neighbouring column shards. A data-parallel table has no
    shards: every rank holds all of it.

    Raises ``ValueError`` where ``column_shards`` does not divide the columns (or the shards over
    the devices of a node), or the number of targets is not the type's.
    """
    if sharding_type is ShardingType.DATA_PARALLEL:
        return ()
    groups = _ranks_of_column_blocks(
        sharding_type, column_shards, world_size, devices_per_node, targets
    )
    if len(groups) != column_shards or dim % column_shards:
        raise ValueError(f"{sharding_type} does not cut {dim} columns into {column_shards} shards")
    width = dim // column_shards
    return tuple(
        Shard(rank, row, block * width, height, width)
        for block, ranks in enumerate(groups)
        for rank, (row, height) in zip(ranks, row_blocks(rows, len(ranks)), strict=True)
    )


def row_blocks(rows: int, n: int) -> tuple[tuple[int, int], ...]:
    """``(offset, height)`` of n blocks: of ``ceil(rows / n)`` rows, the remainder, then empty ones.

    TorchRec sends id ``i`` to block ``i // ceil(rows / n)`` whatever a plan says, so that any other
    split would look up wrong rows.
    """
    block = -(-rows // n)
    edges = [min(rows, k * block) for k in range(n + 1)]
    return tuple((start, end - start) for start, end in pairwise(edges))


def row_split_is_legal(rows: int, n: int) -> bool:
    """Whether n row blocks are all non-empty; TorchRec's runtime crashes on an empty one."""
    return rows > (n - 1) * -(-rows // n)


def row_split_fault(rows: int, n: int) -> str:
    """Why ``rows`` cannot be cut into n blocks; empty where they can."""
    if row_split_is_legal(rows, n):
        return ""
    block = -(-rows // n)
    return f"{rows} rows in blocks of {block} leave some of {n} devices without rows"


def column_width_is_legal(width: int) -> bool:
    """Whether the kernels can read shards of this many columns."""
    return width > 0 and width % COLUMN_MULTIPLE == 0


def column_width_fault(width: int) -> str:
    """Why shards cannot be ``width`` columns wide; empty where they can."""
    if column_width_is_legal(width):
        return ""
    return f"a shard of {width} columns is not a multiple of {COLUMN_MULTIPLE} wide"


def default_column_width(dim: int, min_width: int) -> int:
    """TorchRec's choice: the smallest legal divisor of ``dim`` from ``min_width``, else ``dim``."""
    widths = range(min_width, dim)
    return next((w for w in widths if dim % w == 0 and column_width_is_legal(w)), dim)


def _ranks_of_column_blocks(
    sharding_type: ShardingType,
    column_shards: int,
    world_size: int,
    devices_per_node: int,
    targets: Sequence[int],
) -> list[range]:
    """For each column block, the ranks that hold its row blocks, in order."""
    if sharding_type is ShardingType.ROW_WISE:
        _expect(sharding_type, targets, 0)
        return [range(world_size)]
    if sharding_type in (ShardingType.TABLE_WISE, ShardingType.COLUMN_WISE):
        _expect(sharding_type, targets, column_shards)
        return [range(device, device + 1) for device in targets]
    nodes = [range(node * devices_per_node, (node + 1) * devices_per_node) for node in targets]
    if sharding_type is not ShardingType.TABLE_COLUMN_WISE:
        _expect(sharding_type, targets, column_shards)
        return nodes
    _expect(sharding_type, targets, 1)
    each = column_shards // devices_per_node
    return [range(rank, rank + 1) for rank in nodes[0] for _ in range(each)]


def _expect(sharding_type: ShardingType, targets: Sequence[int], count: int) -> None:
    if len(targets) != count:
        raise ValueError(f"{sharding_type} needs {count} targets, got {len(targets)}")
