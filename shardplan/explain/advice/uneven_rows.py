"""Row shards that are read unevenly, since ids number the rows by frequency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.explain.advice.rule import Rule, Warned
from shardplan.explain.words import words
from shardplan.plan.finding import Finding
from shardplan.plan.planned import planned_tables
from shardplan.plan.predict import predict
from shardplan.plan.recover import decision_of
from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.workload.row_order import RowOrder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.workload.table import Table

_WORTH_HASHING = 1.5
"""Times the lookups of an average shard."""
_WORTH_TELLING = 1e-3
"""Of the step: what saves less saves nothing."""


class UnevenRows(Rule):
    """Says that hashed ids would spread the lookups over the row shards."""

    def of_case(self, case: Case) -> Iterator[Warned]:
        """Of the tables that the constraints let be cut by rows."""
        uneven = uneven_rows(_possible_cuts(case))
        if uneven:
            message = f"{uneven[0]}{_others(uneven, '; less so of')}"
            hint = "hash the ids and write ids: hashed, so that all row shards are read alike"
            index = case.workload.tables.index(uneven[0].table)
            yield Warned("uneven_rows", ("ids",), message, hint, index)

    def of_plan(self, plan: Plan, case: Case) -> Iterator[str]:
        """Of the tables that the plan cuts by rows, with what hashing would save."""
        uneven = uneven_rows(_cuts(plan, case))
        if uneven:
            yield (
                f"{uneven[0]}{_others(uneven, ', and so less of')}; hashed ids would spread them "
                f"evenly, {_what_hashing_saves(plan, case, uneven)}"
            )


@dataclass(frozen=True, slots=True)
class UnevenTable:
    """A table whose first row shard waits for much more than its share of the lookups."""

    table: Table
    shards: int
    excess: float
    """Lookups of the first shard over what they would be if the ids were hashed."""

    def __str__(self) -> str:
        return (
            f"the first of {self.shards} row shards of {self.table.label} serves {self.excess:.1f} "
            "times the mean of the lookups, since its ids are by frequency"
        )


def uneven_rows(cuts: Iterable[tuple[Table, int, int]]) -> tuple[UnevenTable, ...]:
    """Of tables, each with its number of row shards and of hot rows that all devices have, those to
    hash; the worst first."""
    found = (UnevenTable(table, shards, _excess(table, shards, hot)) for table, shards, hot in cuts)
    return tuple(sorted((f for f in found if f.excess > _WORTH_HASHING), key=lambda f: -f.excess))


def _excess(table: Table, shards: int, hot_rows: int) -> float:
    """Of the lookups of rows that are not hot; none where all rows of the first shard are."""
    if table.ids is RowOrder.HASHED or not table.pooling:
        return 1.0
    rows, height = table.rows, -(-table.rows // shards)
    found = table.pattern.distribution(rows, table.pooling)
    hot, first = (found.hottest_share(each / rows) for each in (hot_rows, max(height, hot_rows)))
    return (first - hot) / (1 - hot) * rows / height if hot < 1 else 1.0


def _others(uneven: Sequence[UnevenTable], before: str) -> str:
    names = [found.table.label for found in uneven[1:]]
    return f"{before} {words.name_some(names)}" if names else ""


def _possible_cuts(case: Case) -> Iterator[tuple[Table, int, int]]:
    """All tables, each with the most row shards that the constraints allow, and no hot rows."""
    world = case.topology.world
    for index, table in enumerate(case.workload.tables):
        allowed = set(SHARDING_TYPES)
        for constraint in case.constraints:
            if constraint.sharding is not None and index in constraint.tables:
                allowed &= set(constraint.sharding)
        yield table, max((world.devices_of(kind.rows) for kind in allowed), default=1), 0


def _cuts(plan: Plan, case: Case) -> Iterator[tuple[Table, int, int]]:
    """All tables, each with the numbers of its row shards and hot rows."""
    for table in case.workload.tables:
        entry = plan.plan[table.module][table.name]
        shards = case.topology.world.devices_of(entry.sharding_type.rows)
        yield table, shards, entry.replicated_rows or 0


def _what_hashing_saves(plan: Plan, case: Case, uneven: Sequence[UnevenTable]) -> str:
    """By how much the step of the same plan would be shorter if these tables' ids were hashed."""
    tables = {case.workload.tables.index(found.table) for found in uneven}
    hashed = case.with_(
        tables=tuple(
            table.model_copy(update={"ids": RowOrder.HASHED}) if index in tables else table
            for index, table in enumerate(case.spec.tables)
        )
    )
    found = [decision_of(each, case.topology.world) for each in planned_tables(plan, case.workload)]
    decisions = [one for one in found if not isinstance(one, Finding)]
    step = predict(case, decisions).step_seconds
    saved = step - predict(hashed, decisions).step_seconds
    if saved < _WORTH_TELLING * step:
        return "but hardly change the step"
    return f"and take {words.seconds(saved)} ({words.percent(saved / step)}) off the step"
