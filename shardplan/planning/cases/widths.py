"""Into how many column shards the tables of one module are cut, where all are cut alike.

Outputs of a module that does not pool travel in one collective, which takes the width of its first
column shard for all. A problem knows no such rule, so that its options have one width for each
module: every one is planned in turn, and what is proven of all of them is proven.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Self

from shardplan.options.constraint import Constraint
from shardplan.options.enumerate import column_shards
from shardplan.options.policy import policies
from shardplan.sharding.kind import SHARDING_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.case import Case
    from shardplan.plan.decision import Decision

_MOST_CASES = 16
"""Ways to choose a width for each of several modules, up to which all of them are planned."""


@dataclass(frozen=True, slots=True)
class OpenWidth:
    """A module whose column shards may have one of several widths."""

    module: str
    tables: tuple[int, ...]
    """Positions in the workload's tables."""
    column_shards: tuple[int, ...]
    """Of a table, rising."""

    @classmethod
    def of_all(cls, case: Case) -> tuple[Self, ...]:
        """The modules of a case of which nothing says yet how wide their shards are."""
        tables: dict[str, list[int]] = {}
        for index, table in enumerate(case.workload.tables):
            if not table.collection.is_pooled:
                tables.setdefault(table.module, []).append(index)
        if not tables:
            return ()
        found, of_table = [], policies(case.workload, case.topology.world, case.constraints)
        cutting = [kind for kind in SHARDING_TYPES if kind.cuts_columns]
        for module, members in tables.items():
            dim = case.workload.tables[members[0]].dim
            ways = {(kind, of_table[index]) for index in members for kind in cutting}
            cuts = {
                cut
                for kind, policy in ways
                if kind in policy.sharding
                for cut in column_shards(dim, kind, policy, case.topology.world)
            }
            if len(cuts) > 1:
                found.append(cls(module, tuple(members), tuple(sorted(cuts))))
        return tuple(found)

    def demanded(self, column_shards: int, *, is_choice: bool = False) -> Constraint:
        """All of its tables are cut so, as far as their columns are cut."""
        label = f"one width in {self.module}"
        return Constraint(
            self.tables, column_shards=column_shards, is_choice=is_choice, label=label
        )


def cases_by_width(case: Case) -> tuple[Case, ...]:
    """The case with each choice of a width for each module; itself where there is none to choose.

    Of very many choices those in which modules go from the coarsest to the finest together: nothing
    is then proven of the others.
    """
    modules = OpenWidth.of_all(case)
    if not modules:
        return (case,)
    every = [module.column_shards for module in modules]
    is_choice = prod(map(len, every)) > _MOST_CASES
    choices: Sequence[tuple[int, ...]]
    if is_choice:
        longest = max(map(len, every))
        choices = [tuple(cuts[min(n, len(cuts) - 1)] for cuts in every) for n in range(longest)]
    else:
        choices = list(product(*every))
    return tuple(
        case.demanding(
            *(
                module.demanded(cut, is_choice=is_choice)
                for module, cut in zip(modules, choice, strict=True)
            )
        )
        for choice in choices
    )


def of_one_width(case: Case, decisions: Sequence[Decision] = ()) -> Case:
    """The case with one choice of widths: those of decisions, and else the finest, which need least
    room on each device. Nothing is then proven of the others."""
    cut = {each.table: each.column_shards for each in decisions if each.sharding.cuts_columns}
    demands = []
    for module in OpenWidth.of_all(case):
        known = [cut[table] for table in module.tables if table in cut]
        wanted = [each for each in known if each in module.column_shards]
        chosen = wanted[0] if wanted else module.column_shards[-1]
        demands.append(module.demanded(chosen, is_choice=True))
    return case.demanding(*demands) if demands else case
