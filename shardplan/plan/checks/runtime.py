"""What TorchRec's runtime demands of an entry; a plan that breaks it crashes or trains wrongly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.plan.file.table_entry import parse_placement
from shardplan.plan.finding import Finding
from shardplan.sharding.geometry import column_width_fault, row_split_fault
from shardplan.workload.training import CacheAlgorithm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.plan.file.table_entry import CacheEntry
    from shardplan.plan.planned import Planned
    from shardplan.sharding.kernel import Kernel
    from shardplan.sharding.world import World


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


def check_rules(planned: Planned, world: World) -> Iterator[Finding]:
    """Kernels that fit the sharding type, shards that the kernels can read."""
    for message in _faults(planned, world):
        yield Finding("runtime", planned.where, message)


def _faults(planned: Planned, world: World) -> Iterator[str]:
    entry = planned.entry
    kind, kernel = entry.sharding_type, entry.compute_kernel
    if not kernel.runs(kind):
        yield f"{kind} with kernel {kernel}: data_parallel runs with dense, and nothing else does"
    yield from _cache_faults(kernel, entry.cache)
    if kernel.is_on_ssd and len(planned.ranks) < len(entry.shards):
        yield f"kernel {kernel} cannot hold two shards of a table on one rank"
    if fault := row_split_fault(planned.table.rows, world.devices_of(kind.rows)):
        yield fault
    widths = dict.fromkeys(shard.shard_sizes[1] for shard in entry.shards)
    yield from filter(None, map(column_width_fault, widths))


def _cache_faults(kernel: Kernel, cache: CacheEntry | None) -> Iterator[str]:
    if kernel.caches and not (cache and 0 < cache.load_factor < 1):
        held = cache.load_factor if cache else "no cache"
        yield f"kernel {kernel} needs a cache.load_factor between 0 and 1, has {held}"
    if not kernel.caches and cache:
        yield f"kernel {kernel} has no cache"
    in_ddr = cache.ddr_load_factor if cache else None
    if kernel.is_on_ssd and cache and not 0 <= (in_ddr or 0) < 1 - cache.load_factor:
        yield f"its two caches hold {cache.load_factor} + {in_ddr} of the rows, all or more"
    if not kernel.is_on_ssd and in_ddr is not None:
        yield f"kernel {kernel} has no cache in DDR, but a cache.ddr_load_factor of {in_ddr}"
    if kernel.is_on_ssd and cache and cache.algorithm is not CacheAlgorithm.LRU:
        yield f"kernel {kernel} has caches that are lru, not {cache.algorithm}"


def _few(ranks: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, ranks[:8]))
    return f"[{shown}, ...] ({len(ranks)})" if len(ranks) > 8 else f"[{shown}]"
