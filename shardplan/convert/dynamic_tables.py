"""The dynamic tables of a plan, as other programs ask for them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.workload.dynamic.dynamic import Eviction

if TYPE_CHECKING:
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.file.table_entry import DynamicEntry
    from shardplan.plan.file.table_facts import TableFacts

SCORE_STRATEGIES = {
    Eviction.LRU: "TIMESTAMP",
    Eviction.LFU: "LFU",
    Eviction.NONE: "NO_EVICTION",
}
"""dynamicemb's ``DynamicEmbScoreStrategy``, which decides what is evicted."""


@dataclass(frozen=True, slots=True)
class DynamicTable:
    """A table with what a plan hands out of it."""

    facts: TableFacts
    entry: DynamicEntry
    ranks: int

    @property
    def hbm_share(self) -> float:
        """Of all its values, what its budget has room for; at most 1."""
        entry = self.entry
        all_bytes = entry.value_bytes_per_row * entry.rows_per_rank * self.ranks
        return min(1.0, entry.global_hbm_for_values / all_bytes)

    @property
    def score_strategy(self) -> str:
        """The name of dynamicemb's strategy."""
        return SCORE_STRATEGIES[self.entry.evict]


@dataclass(frozen=True, slots=True)
class DynamicTables:
    """Those of a plan, in its order."""

    plan: Plan
    tables: tuple[DynamicTable, ...]

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """Raises InputError where the plan has none."""
        entries = (plan.plan.get(facts.module, {}).get(facts.name) for facts in plan.tables)
        found = tuple(
            DynamicTable(facts, entry.dynamic, plan.world_size)
            for facts, entry in zip(plan.tables, entries, strict=True)
            if entry is not None and entry.dynamic is not None
        )
        if not found:
            message = "has no dynamic table, and nothing else to hand out"
            hint = "write dynamic: auto to tables of the spec, and solve it"
            raise InputError([Diagnostic(plan.name, 0, 0, "plan", message, hint)])
        return cls(plan, found)

    @property
    def title(self) -> str:
        """What they are of; names are quoted, since a plan file may hold anything for them."""
        count = len(self.tables)
        of = f"{count} dynamic table{'s' if count > 1 else ''}"
        return f"{of} of the plan {json.dumps(self.plan.name)} for {self.plan.world_size} devices"
