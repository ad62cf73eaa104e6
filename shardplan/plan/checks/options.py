"""Whether each table is sharded in a way that the planner offers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.options.enumerate import not_offered
from shardplan.plan.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.plan.planned import Planned


def check_options(
    planned: Sequence[Planned], decisions: Sequence[Decision], case: Case
) -> Iterator[Finding]:
    """No entry bears the name of another type that makes the same shards as the planned one."""
    where = {table.index: table.where for table in planned}
    cuts = [(each.table, each.sharding, each.column_shards) for each in decisions]
    for position in not_offered(case.workload, case.topology.world, case.constraints, cuts):
        table, kind, column_shards = cuts[position]
        message = (
            f"{kind} with {column_shards} column shards is no option of the table; another type "
            "makes these shards"
        )
        yield Finding("sharding", where[table], message)
