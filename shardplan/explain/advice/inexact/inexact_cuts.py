"""Cuts by columns that the optimizer couples, which change what a table learns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.advice.rule import Rule, Warned
from shardplan.explain.words.words import name_some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.file.table_entry import TableEntry
    from shardplan.workload.training import Training


class InexactCuts(Rule):
    """Names the key that forbids them."""

    def of_case(self, case: Case) -> Iterator[Warned]:
        """Where the constraints let some table be cut by columns."""
        training = case.workload.training
        if _is_inexact(training) and _may_cut_columns(case):
            yield Warned(
                "inexact_updates",
                ("training", "optimizer"),
                f"{training.optimizer.coupling}: tables cut by columns train slightly differently "
                "from whole ones",
                "training.exact_updates: true forbids such cuts",
            )

    def of_plan(self, plan: Plan, case: Case) -> Iterator[str]:
        """Where the plan cuts tables by columns."""
        labels = {(table.module, table.name): table.label for table in case.workload.tables}
        cut = [
            labels[module, name]
            for module, tables in plan.plan.items()
            for name, entry in tables.items()
            if (module, name) in labels and _is_split(entry)
        ]
        training = case.workload.training
        if cut and _is_inexact(training):
            yield (
                f"{training.optimizer.coupling}, so that {name_some(cut)}, cut by columns, will "
                "not train exactly as if whole; training.exact_updates: true forbids it"
            )


def _is_inexact(training: Training) -> bool:
    return training.optimizer.couples_columns and not training.exact_updates


def _may_cut_columns(case: Case) -> bool:
    """Whether some table may be cut by columns, as far as the constraints say."""
    bound = {
        table
        for constraint in case.constraints
        if constraint.sharding is not None
        and not any(kind.cuts_columns for kind in constraint.sharding)
        for table in constraint.tables
    }
    return len(bound) < len(case.workload.tables)


def _is_split(entry: TableEntry) -> bool:
    return len({shard.shard_offsets[1] for shard in entry.shards}) > 1
