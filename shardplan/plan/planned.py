"""An entry of a plan together with the table that it plans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.file.table_entry import TableEntry
    from shardplan.workload.table import Table
    from shardplan.workload.workload import Workload


@dataclass(frozen=True, slots=True)
class Planned:
    """A table of the workload and what the plan says of it."""

    index: int
    """Position in the workload's tables."""
    table: Table
    entry: TableEntry

    @property
    def where(self) -> str:
        """The place in the plan file."""
        return f"plan.{self.table.module}.{self.table.name}"

    @property
    def ranks(self) -> frozenset[int]:
        """The ranks that hold any part of the table."""
        return frozenset(self.entry.ranks)


def planned_tables(plan: Plan, workload: Workload) -> tuple[Planned, ...]:
    """The tables that both the workload and the plan know, in the workload's order."""
    return tuple(
        Planned(index, table, entry)
        for index, table in enumerate(workload.tables)
        if (entry := plan.plan.get(table.module, {}).get(table.name)) is not None
    )
