"""The names that the ranks of a new plan were given, as a section of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.report.report import Column, Grid, Section
from shardplan.explain.words import words
from shardplan.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.plan.diff.plan_diff import PlanDiff
    from shardplan.plan.diff.relabelling import Relabelling

_MOST_NODES = 16


def relabelled_section(diff: PlanDiff, relabelling: Relabelling) -> Section:
    """Which names, node by node, and what would move without them."""
    meaning = (
        f"{words.plural(relabelling.renamed, 'rank')} of the new plan renamed: nodes, and devices "
        f"of a node, are equal, and so {format_bytes(diff.moved_bytes)} move instead of "
        f"{format_bytes(relabelling.as_written_bytes)}"
    )
    columns = (
        Column("node", True),
        Column("ranks as written", is_list=True),
        Column("called here", is_list=True),
    )
    rows = tuple(_rows(relabelling.new_rank, diff.new_local_world_size))
    remarks = ["all else is of the new plan with these names, which diff -o writes"]
    if len(rows) > _MOST_NODES:
        missing = words.plural(len(rows) - _MOST_NODES, "node")
        remarks.append(f"and {missing} more; --format json has all")
    return Section("Relabelled", meaning, Grid(columns, rows[:_MOST_NODES]), tuple(remarks))


def _rows(names: tuple[int, ...], each: int) -> Iterator[tuple[str, str, str]]:
    """Nodes with ranks of other names, and those ranks alone."""
    for first in range(0, len(names), each):
        ranks = range(first, first + each)
        changed = [rank for rank in ranks if names[rank] != rank]
        if changed:
            called = ", ".join(str(names[rank]) for rank in changed)
            yield f"{first // each}", ", ".join(map(str, changed)), called
