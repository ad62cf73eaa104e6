"""Where the shards of a table lie: exact offsets and sizes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from shardplan.sharding.world import Extent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.sharding.kind import ShardingType
    from shardplan.sharding.world import World


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
    kind: ShardingType,
    rows: int,
    dim: int,
    column_shards: int,
    targets: Sequence[int],
    world: World,
    widths: Sequence[int] = (),
) -> tuple[Shard, ...]:
    """The shards of one table, column block by column block and from the first row down in each.

    Column blocks are of one width, unless ``widths`` says how wide each is.

    ``targets`` holds what each unit lands on: a device or a node, by the type; nothing where a unit
    lands on all devices. Shards that are dealt go to the devices in order, neighbours together. A
    replicated table has no shards.

    Raises ``ValueError`` where ``column_shards`` does not divide the columns (or the shards over
    the devices that they are dealt to), or the number of targets is not the type's.
    """
    if kind.is_replicated:
        return ()
    if column_shards == len(targets) == 1 and kind.lands is Extent.DEVICE:
        return (Shard(targets[0], 0, 0, rows, dim),)  # Most tables: whole on one device.
    groups = _ranks_of_column_blocks(kind, column_shards, targets, world)
    blocks = column_blocks(dim, column_shards, widths)
    if len(groups) != len(blocks):
        raise ValueError(f"{kind} does not cut {dim} columns into {column_shards} shards")
    return tuple(
        Shard(rank, row, column, height, width)
        for (column, width), ranks in zip(blocks, groups, strict=True)
        for rank, (row, height) in zip(ranks, row_blocks(rows, len(ranks)), strict=True)
    )


def column_blocks(
    dim: int, column_shards: int, widths: Sequence[int] = ()
) -> tuple[tuple[int, int], ...]:
    """``(offset, width)`` of each; of one width where ``widths`` says nothing, none where they
    cannot be."""
    if not widths:
        widths = () if dim % column_shards else (dim // column_shards,) * column_shards
    elif sum(widths) != dim or len(widths) != column_shards:
        return ()
    return tuple(zip(accumulate(widths, initial=0), widths, strict=False))


def row_blocks(rows: int, n: int) -> tuple[tuple[int, int], ...]:
    """``(offset, height)`` of n blocks: of ``ceil(rows / n)`` rows, the remainder, then empty ones.

    TorchRec sends id ``i`` to block ``i // ceil(rows / n)`` whatever a plan says, so that any other
    split would look up wrong rows.
    """
    if n == 1:
        return ((0, rows),)
    block = -(-rows // n)
    edges = [min(rows, k * block) for k in range(n + 1)]
    return tuple((start, end - start) for start, end in pairwise(edges))


def _ranks_of_column_blocks(
    kind: ShardingType, column_shards: int, targets: Sequence[int], world: World
) -> list[range]:
    """For each column block, the ranks that hold its row blocks, in order."""
    everywhere = kind.lands is Extent.WORLD
    wanted = 0 if everywhere else kind.units(column_shards)
    if len(targets) != wanted:
        raise ValueError(f"{kind} needs {wanted} targets, got {len(targets)}")
    units = [world.ranks_of(kind.lands, place) for place in ((0,) if everywhere else targets)]
    dealt_over = kind.dealt_over(world)
    if not dealt_over:
        return units
    each = column_shards // dealt_over
    return [range(rank, rank + 1) for rank in units[0] for _ in range(each)]


def padded_columns(dim: int) -> int:
    """Columns of a table that the kernels take, of which a model uses the first ``dim``."""
    return dim + -dim % COLUMN_MULTIPLE
