"""Single ids that draw so much that the device which has them waits, however ids are dealt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.advice.rule import Rule
from shardplan.explain.words import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.workload.table import Table

_WORTH_TELLING = 1.5
"""Times the lookups of a device on average."""


class HotIds(Rule):
    """Names the dynamic table whose hottest id weighs most: dealing levels blocks of ids alone."""

    def of_plan(self, plan: Plan, case: Case) -> Iterator[str]:
        """Of the tables whose ids the plan counts as dealt evenly, and sends as often as read."""
        dealt = [table for table in case.workload.tables if _is_dealt(table)]
        if not dealt:
            return
        table = max(dealt, key=lambda table: _hottest(table) * table.pooling)
        share = _hottest(table)
        excess = plan.world_size * share + (1 - share)
        if excess > _WORTH_TELLING:
            yield (
                f"one id of {table.label} draws {words.percent(share)} of its lookups, so that the "
                f"device which has it serves {excess:.1f} times the mean: dealing levels blocks of "
                "ids, not single ones, and the prediction counts them as level; ids made distinct "
                "before they are sent would be"
            )


def _is_dealt(table: Table) -> bool:
    dynamic = table.dynamic
    is_dealt = dynamic is not None and dynamic.dist.levels_blocks and table.pooling > 0
    return is_dealt and not table.collection.dedup


def _hottest(table: Table) -> float:
    """Share of the lookups that read the row that is read most."""
    return float(table.access.distribution(table.rows, table.pooling).probabilities[0])
