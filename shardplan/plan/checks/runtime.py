"""What TorchRec's runtime demands of an entry; a plan that breaks it crashes or trains wrongly."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from shardplan.options import limits
from shardplan.plan.file.table_entry import parse_placement
from shardplan.plan.finding import Finding
from shardplan.sharding.kind import ShardingType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.plan.file.table_entry import CacheEntry
    from shardplan.plan.planned import Planned
    from shardplan.sharding.kernel import Kernel
    from shardplan.sharding.world import World
    from shardplan.workload.dtype import Dtype
    from shardplan.workload.optimizers.optimizer import Optimizer


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
    planned: Planned,
    world: World,
    optimizer: Optimizer | None = None,
    *,
    may_be_empty: bool = False,
) -> Iterator[Finding]:
    """Kernels that fit the sharding type, shards that the kernels can read.

    What a kernel trains is looked at where the ``optimizer`` is given. Row-wise shards have rows,
    unless they ``may_be_empty``.
    """
    entry, table = planned.entry, planned.table
    kind, cache = entry.sharding_type, entry.cache
    heights = [shard.shard_sizes[0] for shard in entry.shards] if cache else []
    widths = tuple(dict.fromkeys(shard.shard_sizes[1] for shard in entry.shards)) or (table.dim,)
    if fault := limits.type_fault(kind, table):
        yield Finding("runtime", planned.where, f"is {kind}: {fault}")
    for message in _faults(
        _Runtime(world, optimizer, table.dtype),
        kind,
        entry.compute_kernel,
        cache,
        (len(entry.shards), len(planned.ranks)),
        0 if not kind.cuts_rows or (may_be_empty and kind is ShardingType.ROW_WISE) else table.rows,
        widths,
        max(heights, default=0),
    ):
        yield Finding("runtime", planned.where, message)


def check_widths(planned: Sequence[Planned]) -> Iterator[Finding]:
    """Column shards of a module that does not pool are of one width."""
    modules: dict[str, list[int]] = {}
    for each in planned:
        if each.entry.sharding_type.cuts_columns and not each.table.collection.is_pooled:
            found = modules.setdefault(each.table.module, [])
            found += [shard.shard_sizes[1] for shard in each.entry.shards]
    for module, widths in modules.items():
        if fault := limits.widths_fault(widths):
            yield Finding("runtime", f"plan.{module}", fault)


class _Runtime(NamedTuple):
    """What runs a table, beside what is planned of it."""

    world: World
    optimizer: Optimizer | None
    dtype: Dtype


@lru_cache(maxsize=1 << 12)
def _faults(
    runtime: _Runtime,
    kind: ShardingType,
    kernel: Kernel,
    cache: CacheEntry | None,
    shards_and_ranks: tuple[int, int],
    rows_to_cut: int,
    widths: tuple[int, ...],
    highest: int,
) -> tuple[str, ...]:
    """A fault of each rule that is broken; most tables are like many others."""
    world, optimizer, dtype = runtime
    found = [limits.kernel_fault(kind, kernel)]
    if optimizer is not None:
        found.append(limits.ssd_fault(kernel, dtype, optimizer))
    if cache:
        found.append(
            limits.cache_fault(kernel, cache.load_factor, cache.ddr_load_factor, cache.algorithm)
        )
    else:
        found.append(limits.cache_fault(kernel, None))
    found.append(limits.sharing_fault(kernel, *shards_and_ranks))
    if rows_to_cut and not kernel.is_dynamic:
        found.append(limits.row_split_fault(rows_to_cut, world.devices_of(kind.rows)))
    found += [limits.column_width_fault(width, world.devices) for width in widths]
    if cache:
        cached = highest * cache.load_factor
        found.append(limits.cached_rows_fault(kernel, cached, cache.algorithm, world.devices))
    return tuple(filter(None, found))


def _few(ranks: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, ranks[:8]))
    return f"[{shown}, ...] ({len(ranks)})" if len(ranks) > 8 else f"[{shown}]"
