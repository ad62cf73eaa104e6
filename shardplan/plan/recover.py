"""From what the plan file says of a table back to the decision that it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.options import limits
from shardplan.plan.decision import Decision
from shardplan.plan.file.table_entry import parse_placement
from shardplan.plan.finding import Finding
from shardplan.sharding.geometry import Shard
from shardplan.sharding.recover import recover
from shardplan.sharding.world import Extent

if TYPE_CHECKING:
    from shardplan.plan.file.table_entry import TableEntry
    from shardplan.plan.planned import Planned
    from shardplan.sharding.world import World


def decision_of(planned: Planned, world: World) -> Decision | Finding:
    """The decision whose exact geometry the entry has, or the first shard that has another.

    Or what is wrong with its number of hot rows.
    """
    entry, table = planned.entry, planned.table
    kind = entry.sharding_type
    if fault := limits.hot_rows_count_fault(kind, entry.replicated_rows or 0, table):
        return _illegal(planned, fault)
    if (rank := whole_on(planned, world)) is not None:
        return stated_decision(planned, 1, (rank,))
    if kind.is_replicated:
        fault = _replicated_fault(entry, world.size)
        return _illegal(planned, fault) if fault else stated_decision(planned)
    found = [
        Shard(parse_placement(shard.placement)[0], *shard.shard_offsets, *shard.shard_sizes)
        for shard in entry.shards
    ]
    try:
        column_shards, targets, widths = recover(kind, table.rows, table.dim, found, world)
    except ValueError as error:
        return _illegal(planned, str(error))
    return stated_decision(planned, column_shards, targets, widths)


def whole_on(planned: Planned, world: World) -> int | None:
    """The rank on which a table lies whole, in the one shard that its type makes there.

    Of such an entry shards, ranks and placement are in order; so may others be, which give None.
    """
    entry, table = planned.entry, planned.table
    kind = entry.sharding_type
    if len(entry.shards) != 1 or kind.lands is not Extent.DEVICE or kind.cuts_columns:
        return None
    (shard,) = entry.shards
    rank, local = parse_placement(shard.placement)
    is_whole = shard.shard_offsets == (0, 0) and shard.shard_sizes == (table.rows, table.dim)
    is_there = 0 <= rank < world.size and local == rank % world.devices_per_node
    return rank if is_whole and is_there and entry.ranks == (rank,) else None


def stated_decision(
    planned: Planned,
    column_shards: int = 1,
    targets: tuple[int, ...] = (),
    widths: tuple[int, ...] = (),
) -> Decision:
    """What an entry says of its table apart from its shards, which may be anything."""
    entry, dynamic = planned.entry, planned.entry.dynamic
    shares: tuple[float | None, float]
    if dynamic is not None and entry.compute_kernel.is_dynamic_part:
        host = dynamic.host_rows_per_rank if entry.compute_kernel.is_split else 0
        shares = (
            dynamic.hbm_rows_per_rank / dynamic.rows_per_rank,
            host / dynamic.rows_per_rank,
        )
    else:
        cache = entry.cache
        shares = (
            cache.load_factor if cache else None,
            (cache.ddr_load_factor or 0.0) if cache else 0.0,
        )
    return Decision(
        planned.index,
        entry.sharding_type,
        entry.compute_kernel,
        column_shards,
        targets,
        *shares,
        widths,
        entry.replicated_rows or 0,
    )


def _replicated_fault(entry: TableEntry, world_size: int) -> str:
    kind = entry.sharding_type
    if entry.shards:
        return f"is {kind}, which has no shards, but lists {len(entry.shards)}"
    if entry.ranks != tuple(range(world_size)):
        return f"is {kind}, whose ranks are 0..{world_size - 1} in order"
    return ""


def _illegal(planned: Planned, message: str) -> Finding:
    return Finding("geometry", planned.where, message)
