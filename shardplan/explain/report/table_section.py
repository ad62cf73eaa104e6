"""The tables of a plan, as sections of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.report.memory_words import tier_words
from shardplan.explain.report.report import Column, Grid, Section
from shardplan.explain.words import words
from shardplan.sharding.kernel import KERNELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.explain.numbers.explanation import Explanation, TableLine

MOST_LISTED = 200
"""Tables that are listed at most."""


def table_sections(found: Explanation, top: int) -> Iterator[Section]:
    """The costliest tables by phase, then where each table went."""
    if top:
        yield _costliest(found, found.tables[:top])
    yield placement_section(found.tables)


def sharding(line: TableLine) -> str:
    """``row_wise``; ``column_wise x4`` where it is cut into column shards, and ``hot_row_wise
    (4,096 hot)`` where some of its rows lie on every device."""
    shards = f" x{line.column_shards}" if line.column_shards > 1 else ""
    hot = f" ({line.replicated_rows:,} hot)" if line.replicated_rows else ""
    return f"{line.sharding_type}{shards}{hot}"


def kernel(line: TableLine) -> str:
    """``fused``; with the share of rows in the cache, or caches, where there is one."""
    if line.load_factor is None:
        return line.compute_kernel
    is_split = KERNELS.named(line.compute_kernel).is_split
    cached = f"{words.percent(line.load_factor)} {'in hbm' if is_split else 'cached'}"
    if line.ddr_load_factor and not is_split:
        cached += f", {words.percent(line.ddr_load_factor)} in ddr"
    return f"{line.compute_kernel} ({cached})"


def _costliest(found: Explanation, lines: tuple[TableLine, ...]) -> Section:
    spent = [position for position, phase in enumerate(found.phases) if phase.seconds]
    longest_first = sorted(spent, key=lambda phase: -found.phases[phase].seconds)
    columns = (
        Column("table", is_name=True),
        Column("slowest", True),
        Column("in total", True),
        *(
            Column(found.phases[phase].name, True, spare=1 + longest_first.index(phase))
            for phase in spent
        ),
    )
    rows = tuple(
        (
            line.name,
            words.seconds(line.slowest_seconds),
            words.seconds(line.total_seconds),
            *(words.seconds(line.phase_seconds[phase]) for phase in spent),
        )
        for line in lines
    )
    count = "The costliest table" if len(lines) == 1 else f"The {len(lines)} costliest tables"
    meaning = (
        "slowest: seconds on its slowest device, then the same by phase; in total: over all "
        "devices; both without hidden phases"
    )
    return Section(count, meaning, Grid(columns, rows))


def placement_section(lines: tuple[TableLine, ...]) -> Section:
    """Where tables went, in the order given, which is the costliest first."""
    columns = (
        Column("table", is_name=True),
        Column("rows", True, spare=2),
        Column("dim", True, spare=3),
        Column("ids", True, spare=4),
        Column("sharding", is_prose=True),
        Column("kernel", is_prose=True, spare=1),
        Column("ranks", is_prose=True),
        Column("slowest", True),
        Column("memory", True, is_prose=True),
    )
    listed = lines[:MOST_LISTED]
    rows = tuple(
        (
            line.name,
            f"{line.rows:,}",
            f"{line.dim}",
            f"{line.pooling:g}",
            sharding(line),
            kernel(line),
            line.ranks,
            words.seconds(line.slowest_seconds),
            tier_words(line.memory_bytes),
        )
        for line in listed
    )
    meaning = "ids: per sample; memory: over all devices, with optimizer state and buffers"
    remarks: tuple[str, ...] = ()
    if len(listed) < len(lines):
        remarks = (
            f"the {len(listed)} costliest of {len(lines):,} tables; --table NAME shows any "
            "other, --format json all",
        )
    return Section(
        "Where each table went, the costliest first", meaning, Grid(columns, rows), remarks
    )
