"""Tables that no sample looks up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.advice.rule import Rule, Warned
from shardplan.explain.words.words import name_some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.workload.workload import Workload


class IdleTables(Rule):
    """Says that they cost time all the same."""

    def of_case(self, case: Case) -> Iterator[Warned]:
        """The tables with pooling 0."""
        if sentence := _sentence(case.workload):
            yield Warned("no_lookups", ("tables",), sentence)

    def of_plan(self, plan: Plan, case: Case) -> Iterator[str]:
        """The same tables, and what they still cost."""
        if sentence := _sentence(case.workload):
            yield f"{sentence}; empty outputs are exchanged all the same"


def _sentence(workload: Workload) -> str:
    """Empty where there are none."""
    idle = [table.label for table in workload.tables if not table.pooling]
    if not idle:
        return ""
    return f"{name_some(idle)} {'has' if len(idle) == 1 else 'have'} no lookups (pooling 0)"
