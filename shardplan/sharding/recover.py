"""From where the shards of a table lie back to what was decided: the inverse of ``geometry``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.sharding.geometry import shards
from shardplan.sharding.world import Extent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.sharding.geometry import Shard
    from shardplan.sharding.kind import ShardingType
    from shardplan.sharding.world import World


def recover(
    kind: ShardingType, rows: int, dim: int, found: Sequence[Shard], world: World
) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """Column shards, targets and widths of which ``geometry.shards`` makes just these shards.

    Widths are those of column shards that are not all alike, of types whose shards are placed each
    for itself; else none.

    Raises ValueError, with the first shard that is another, where there are none.
    """
    if not found:
        raise ValueError("has no shards")
    column_shards, targets = _units(kind, [shard.rank for shard in found], world)
    widths = _widths(kind, found, world)
    wanted = shards(kind, rows, dim, column_shards, targets, world, widths)
    if len(found) != len(wanted):
        raise ValueError(f"has {len(found)} shards; {kind} makes {len(wanted)}")
    for position, (one, other) in enumerate(zip(found, wanted, strict=True)):
        if one != other:
            raise ValueError(
                f"shard {position} holds {_words(one)}; {kind} puts there {_words(other)}"
            )
    return column_shards, targets, widths


def _widths(kind: ShardingType, found: Sequence[Shard], world: World) -> tuple[int, ...]:
    if not kind.has_many_units:
        return ()
    of_blocks = tuple(shard.columns for shard in found[:: world.devices_of(kind.rows)])
    return of_blocks if len(set(of_blocks)) > 1 else ()


def _units(kind: ShardingType, ranks: Sequence[int], world: World) -> tuple[int, tuple[int, ...]]:
    """Column shards and targets, as they must be if the shards are the type's."""
    of_blocks = ranks[:: world.devices_of(kind.rows)]
    column_shards = len(of_blocks) if kind.cuts_columns else 1
    if kind.lands is Extent.WORLD:
        return column_shards, ()
    places = [rank // world.devices_of(kind.lands) for rank in of_blocks]
    return column_shards, tuple(places[: kind.units(column_shards)])


def _words(shard: Shard) -> str:
    rows = f"rows {shard.row_offset}..{shard.row_offset + shard.rows}"
    columns = f"columns {shard.column_offset}..{shard.column_offset + shard.columns}"
    return f"{rows}, {columns} on rank {shard.rank}"
