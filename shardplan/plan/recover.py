"""From what the plan file says of a table back to the decision that it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.plan.decision import Decision
from shardplan.plan.file.table_entry import parse_placement
from shardplan.plan.finding import Finding
from shardplan.sharding import geometry
from shardplan.sharding.kind import ShardingType

if TYPE_CHECKING:
    from shardplan.plan.file.table_entry import TableEntry
    from shardplan.plan.planned import Planned
    from shardplan.topology.topology import Topology


def decision_of(planned: Planned, topology: Topology) -> Decision | Finding:
    """The decision whose exact geometry the entry has, or the first shard that has another."""
    entry, table = planned.entry, planned.table
    if entry.sharding_type is ShardingType.DATA_PARALLEL:
        fault = _data_parallel_fault(entry, topology.world_size)
        return _illegal(planned, fault) if fault else stated_decision(planned)
    if not entry.shards:
        return _illegal(planned, "has no shards")
    each = topology.devices_per_node
    column_shards, targets = _units(entry, each)
    try:
        wanted = geometry.shards(
            entry.sharding_type, table.rows, table.dim, column_shards,
            topology.world_size, each, targets,
        )  # fmt: skip
    except ValueError as error:
        return _illegal(planned, str(error))
    fault = _difference(_rectangles(entry), wanted, entry.sharding_type)
    return _illegal(planned, fault) if fault else stated_decision(planned, column_shards, targets)


def stated_decision(
    planned: Planned, column_shards: int = 1, targets: tuple[int, ...] = ()
) -> Decision:
    """What an entry says of its table apart from its shards, which may be anything."""
    entry = planned.entry
    return Decision(
        planned.index,
        entry.sharding_type,
        entry.compute_kernel,
        column_shards,
        targets,
        entry.cache.load_factor if entry.cache else None,
        (entry.cache.ddr_load_factor or 0.0) if entry.cache else 0.0,
    )


def _units(entry: TableEntry, devices_per_node: int) -> tuple[int, tuple[int, ...]]:
    """Column shards and targets, as they must be if the entry is legal."""
    ranks = [parse_placement(shard.placement)[0] for shard in entry.shards]
    nodes = [rank // devices_per_node for rank in ranks]
    match entry.sharding_type:
        case ShardingType.TABLE_WISE:
            return 1, (ranks[0],)
        case ShardingType.COLUMN_WISE:
            return len(ranks), tuple(ranks)
        case ShardingType.TABLE_ROW_WISE:
            return 1, (nodes[0],)
        case ShardingType.TABLE_COLUMN_WISE:
            return len(ranks), (nodes[0],)
        case ShardingType.GRID_SHARD:
            blocks = nodes[::devices_per_node]
            return len(blocks), tuple(blocks)
    return 1, ()


def _rectangles(entry: TableEntry) -> tuple[geometry.Shard, ...]:
    return tuple(
        geometry.Shard(
            parse_placement(shard.placement)[0], *shard.shard_offsets, *shard.shard_sizes
        )
        for shard in entry.shards
    )


def _difference(
    found: tuple[geometry.Shard, ...], wanted: tuple[geometry.Shard, ...], kind: ShardingType
) -> str:
    if len(found) != len(wanted):
        return f"has {len(found)} shards; {kind} makes {len(wanted)}"
    if found == wanted:
        return ""
    position = next(
        i for i, pair in enumerate(zip(found, wanted, strict=True)) if len(set(pair)) > 1
    )
    return (
        f"shard {position} holds {_words(found[position])}; "
        f"{kind} puts there {_words(wanted[position])}"
    )


def _words(shard: geometry.Shard) -> str:
    rows = f"rows {shard.row_offset}..{shard.row_offset + shard.rows}"
    columns = f"columns {shard.column_offset}..{shard.column_offset + shard.columns}"
    return f"{rows}, {columns} on rank {shard.rank}"


def _data_parallel_fault(entry: TableEntry, world_size: int) -> str:
    if entry.shards:
        return f"is data_parallel, which has no shards, but lists {len(entry.shards)}"
    if entry.ranks != tuple(range(world_size)):
        return f"is data_parallel, whose ranks are 0..{world_size - 1} in order"
    return ""


def _illegal(planned: Planned, message: str) -> Finding:
    return Finding("geometry", planned.where, message)
