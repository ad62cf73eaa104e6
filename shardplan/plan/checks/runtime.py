"""What TorchRec's runtime demands of an entry; a plan that breaks it crashes or trains wrongly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.options import limits
from shardplan.plan.file.table_entry import parse_placement
from shardplan.plan.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.plan.planned import Planned
    from shardplan.sharding.world import World
    from shardplan.workload.training import Optimizer


def check_placements(planned: Planned, world: World) -> Iterator[Finding]:
    """Every shard lies on a device that exists, and ``ranks`` repeats where the shards are."""
    entry, size, each = planned.entry, world.size, world.devices_per_node
    for position, shard in enumerate(entry.shards):
        rank, local = parse_placement(shard.placement)
        where = f"{planned.where}.shards[{position}].placement"
        if rank < 0:
            yield Finding("ranks", where, f"{shard.placement!r} is not of the form rank:R/cuda:L")
        elif rank >= size:
            yield Finding("ranks", where, f"rank {rank} is not one of 0..{size - 1}")
        elif local != rank % each:
            message = f"rank {rank} is device {rank % each} of its node, not {local}"
            yield Finding("ranks", where, message)
    stray = [rank for rank in entry.ranks if rank >= size]
    if stray:
        message = f"rank {stray[0]} is not one of 0..{size - 1}"
        yield Finding("ranks", f"{planned.where}.ranks", message)
    placed = tuple(parse_placement(shard.placement)[0] for shard in entry.shards)
    if entry.shards and entry.ranks != placed:
        message = f"are {_few(entry.ranks)}; the shards are placed on {_few(placed)}"
        yield Finding("ranks", f"{planned.where}.ranks", message)


def check_rules(
    planned: Planned, world: World, optimizer: Optimizer | None = None
) -> Iterator[Finding]:
    """Kernels that fit the sharding type, shards that the kernels can read.

    What a kernel trains is looked at where the ``optimizer`` is given.
    """
    for message in filter(None, _faults(planned, world, optimizer)):
        yield Finding("runtime", planned.where, message)


def _faults(planned: Planned, world: World, optimizer: Optimizer | None) -> Iterator[str]:
    """A fault of each rule, empty where it is kept."""
    entry = planned.entry
    kind, kernel, cache = entry.sharding_type, entry.compute_kernel, entry.cache
    yield limits.kernel_fault(kind, kernel)
    if optimizer is not None:
        yield limits.ssd_fault(kernel, planned.table.dtype, optimizer)
    if cache:
        yield limits.cache_fault(kernel, cache.load_factor, cache.ddr_load_factor, cache.algorithm)
    else:
        yield limits.cache_fault(kernel, None)
    yield limits.sharing_fault(kernel, len(entry.shards), len(planned.ranks))
    yield limits.row_split_fault(planned.table.rows, world.devices_of(kind.rows))
    widths = [shard.shard_sizes[1] for shard in entry.shards]
    for width in dict.fromkeys(widths or [planned.table.dim]):
        yield limits.column_width_fault(width, world.devices)
    if cache:
        rows = max((shard.shard_sizes[0] for shard in entry.shards), default=0)
        cached = rows * cache.load_factor
        yield limits.cached_rows_fault(kernel, cached, cache.algorithm, world.devices)


def _few(ranks: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, ranks[:8]))
    return f"[{shown}, ...] ({len(ranks)})" if len(ranks) > 8 else f"[{shown}]"
