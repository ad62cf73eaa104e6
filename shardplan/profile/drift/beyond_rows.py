"""Ids of new data for which a plan's tables have no row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shardplan.case import Case
    from shardplan.spec.tables.table_spec import TableSpec


@dataclass(frozen=True, slots=True)
class BeyondRows:
    """Of one table."""

    table: str
    largest_id: int
    """Of the new data."""
    rows: int
    """That the plan's table has."""

    def __str__(self) -> str:
        return (
            f"{self.table}: ids up to {self.largest_id:,}, and the plan's table has {self.rows:,} "
            "rows: those beyond have none"
        )


def beyond_rows(case: Case, largest_ids: Iterable[tuple[TableSpec, int]]) -> tuple[BeyondRows, ...]:
    """The tables of a plan's ``case`` that new data reads beyond their last row.

    Of each new table comes the largest id that it is looked up by; tables go by name, and by module
    where they say one. Hash tables that grow take any id.
    """
    defaults = case.spec.defaults
    news = {(each.module, each.name): largest for each, largest in largest_ids}
    found = []
    for table in case.spec.tables:
        key = (table.module_in(defaults), table.name)
        largest = news.get(key, news.get((None, table.name), -1))
        if largest >= table.rows and table.dynamic is None:
            found.append(BeyondRows(table.name, largest, table.rows))
    return tuple(found)
