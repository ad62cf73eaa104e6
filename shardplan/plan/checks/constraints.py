"""The plan does what the spec's constraints ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.options import limits
from shardplan.plan.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from shardplan.options.constraint import Constraint
    from shardplan.plan.planned import Planned
    from shardplan.sharding.world import World
    from shardplan.workload.training import Training


def check_constraints(
    planned: Mapping[int, Planned], constraints: Sequence[Constraint], world: World
) -> Iterator[Finding]:
    """``planned`` by the table's position; tables that are missing there break nothing here."""
    for constraint in constraints:
        concerned = [planned[table] for table in constraint.tables if table in planned]
        for table in concerned:
            for message in _broken_alone(table, constraint, world):
                yield Finding("constraint", table.where, f"{message} ({constraint.label})")
        if constraint.together:
            yield from _check_together(concerned, constraint.label)
        if constraint.apart:
            yield from _check_apart(concerned, constraint.label)


def check_exact_updates(planned: Iterable[Planned], training: Training) -> Iterator[Finding]:
    """Columns that are cut apart would train differently where the optimizer couples them."""
    if not training.keeps_columns_whole:
        return
    for table in planned:
        if table.entry.sharding_type.cuts_columns:
            kind, title = table.entry.sharding_type, training.optimizer.title
            message = f"{kind} changes {title} (exact_updates is set)"
            yield Finding("constraint", table.where, message)


def check_cache_algorithm(planned: Iterable[Planned], training: Training) -> Iterator[Finding]:
    """Caches over DDR replace rows as the spec says: their hits are predicted so."""
    for table in planned:
        cache, wanted = table.entry.cache, training.cache_algorithm
        if cache and table.entry.compute_kernel.caches_ddr and cache.algorithm is not wanted:
            message = f"its cache is {cache.algorithm}; the spec says {wanted}"
            yield Finding("constraint", table.where, message)


def check_hot_rows(planned: Iterable[Planned], training: Training) -> Iterator[Finding]:
    """Hot rows are kept by jobs alone that can train them."""
    for table in planned:
        kind = table.entry.sharding_type
        if fault := limits.training_fault(kind, training):
            yield Finding("constraint", table.where, f"is {kind}: {fault}")


def _broken_alone(table: Planned, constraint: Constraint, world: World) -> Iterator[str]:
    kind, kernel = table.entry.sharding_type, table.entry.compute_kernel
    if constraint.sharding is not None and kind not in constraint.sharding:
        yield f"is {kind}; the spec allows {', '.join(map(str, constraint.sharding))}"
    if constraint.kernels is not None and kernel not in constraint.kernels:
        yield f"runs {kernel}; the spec allows {', '.join(map(str, constraint.kernels))}"
    if constraint.pins:
        spans = {shard.shard_offsets[1]: shard.shard_sizes[1] for shard in table.entry.shards}
        cache = table.entry.cache
        held = cache.load_factor if cache else None
        hot_rows = table.entry.replicated_rows or 0
        yield from constraint.pins.broken(kind, kernel, tuple(spans.values()), held, hot_rows)
    open_ranks = constraint.open_ranks(world)
    if open_ranks is not None:
        outside = sorted(table.ranks - set(open_ranks))
        if outside:
            allowed = ", ".join(map(str, open_ranks))
            yield f"lies on rank {outside[0]}; the spec allows {allowed}"


def _check_together(tables: Sequence[Planned], label: str) -> Iterator[Finding]:
    for table in tables[1:]:
        if table.ranks != tables[0].ranks:
            ranks = f"{sorted(table.ranks)}, {tables[0].table.label!r} {sorted(tables[0].ranks)}"
            yield Finding(
                "constraint", table.where, f"is not together: it lies on {ranks} ({label})"
            )


def _check_apart(tables: Sequence[Planned], label: str) -> Iterator[Finding]:
    owner: dict[int, Planned] = {}
    for table in tables:
        shared = sorted(rank for rank in table.ranks if rank in owner)
        if shared:
            other = owner[shared[0]].table.label
            message = f"is not apart: it shares rank {shared[0]} with {other!r} ({label})"
            yield Finding("constraint", table.where, message)
        owner.update(dict.fromkeys(table.ranks, table))
