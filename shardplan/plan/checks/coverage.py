"""Every row and column of every table lies in exactly one shard."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING

from shardplan.plan.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.plan.planned import Planned

Rectangle = tuple[int, int, int, int]
"""First row, first column, rows, columns."""
Span = tuple[int, int, int]
"""First column, the column after the last, position of the shard."""


def check_coverage(planned: Planned) -> Iterator[Finding]:
    """Whatever the sharding type: also shards that were cut by hand are covered exactly."""
    entry, table = planned.entry, planned.table
    if entry.sharding_type.is_replicated:
        return
    rectangles = [
        (row, column, height, width)
        for shard in entry.shards
        for (row, column), (height, width) in ((shard.shard_offsets, shard.shard_sizes),)
    ]
    fault = coverage_fault(rectangles, table.rows, table.dim)
    if fault:
        yield Finding("coverage", planned.where, fault)


def coverage_fault(rectangles: Sequence[Rectangle], rows: int, columns: int) -> str:
    """The first place that is not covered exactly once; empty where there is none.

    A line sweeps down the rows and keeps the column spans of the shards that it crosses in order.
    """
    for position, (row, column, height, width) in enumerate(rectangles):
        if row + height > rows or column + width > columns:
            corner = f"row {row + height}, column {column + width}"
            return f"shard {position} reaches to {corner} of a table of {rows} x {columns}"
    solid = [(i, r) for i, r in enumerate(rectangles) if r[2] and r[3]]
    starts: dict[int, list[Span]] = {0: [], rows: []}
    ends: dict[int, list[Span]] = {}
    for i, (row, column, height, width) in solid:
        span = (column, column + width, i)
        starts.setdefault(row, []).append(span)
        ends.setdefault(row + height, []).append(span)
    crossed: list[Span] = []
    for row, below in pairwise(sorted(starts.keys() | ends.keys())):
        for span in ends.get(row, ()):
            del crossed[bisect_left(crossed, span)]
        for span in starts.get(row, ()):
            other = _insert(crossed, span)
            if other is not None:
                both = f"shards {min(other, span[2])} and {max(other, span[2])}"
                return f"{both} overlap from row {row}, column {span[0]}"
        gap = _gap(crossed, columns)
        if gap:
            return f"rows {row}..{below} of columns {gap[0]}..{gap[1]} are in no shard"
    return ""


def _insert(crossed: list[Span], span: Span) -> int | None:
    """Put a span in its place, or return the position of a shard that it overlaps."""
    at = bisect_left(crossed, span)
    if at > 0 and crossed[at - 1][1] > span[0]:
        return crossed[at - 1][2]
    if at < len(crossed) and crossed[at][0] < span[1]:
        return crossed[at][2]
    crossed.insert(at, span)
    return None


def _gap(crossed: Sequence[Span], columns: int) -> tuple[int, int] | None:
    """The first columns that no span covers, given that no two overlap."""
    covered = 0
    for start, end, _ in crossed:
        if start > covered:
            return covered, start
        covered = end
    return (covered, columns) if covered < columns else None
