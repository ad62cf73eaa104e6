"""Features that several tables read, whose lists of ids the tables have otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shardplan.explain.advice.rule import Rule, Warned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.workload.access import Padding
    from shardplan.workload.table import Table

_HINT = "write the same for both, or give each features of its own"


class _Lists(NamedTuple):
    """How a table has the ids of one of its features."""

    pooling: float
    cap: float
    padding: Padding | None


class SharedLists(Rule):
    """A batch has one list of ids of a feature and sample, whatever tables of it say."""

    def of_case(self, case: Case) -> Iterator[Warned]:
        """Of the first such feature, with the number of others."""
        found = list(_contradictions(case.workload.tables))
        for feature, key, index, other in found[:1]:
            names = [case.workload.tables[each].label for each in (other, index)]
            more = f", and so {len(found) - 1:,} more" if len(found) > 1 else ""
            message = (
                f"{names[0]} and {names[1]} read feature {feature} with another {key}{more}: "
                "batches have one list of its ids for both"
            )
            yield Warned("shared_lists", (key,), message, _HINT, index)

    def of_plan(self, plan: Plan, case: Case) -> Iterator[str]:
        """The same."""
        for found in self.of_case(case):
            yield f"{found.message}; {found.hint}"


def _contradictions(tables: tuple[Table, ...]) -> Iterator[tuple[str, str, int, int]]:
    """Feature, what differs, and the positions of the table and of an earlier one; each feature
    once. Those of modules that are called with batches of another size are not compared."""
    first: dict[tuple[str, float, float], tuple[_Lists, int]] = {}
    told: set[str] = set()
    for index, table in enumerate(tables):
        shares = table.batch_shares or (1.0,) * len(table.features)
        caps = table.caps or table.poolings
        for feature, share, pooling, cap in zip(
            table.features, shares, table.poolings, caps, strict=True
        ):
            lists = _Lists(pooling, cap, table.padding)
            key = (feature, share, table.collection.batch_share)
            there, other = first.setdefault(key, (lists, index))
            if there != lists and feature not in told:
                told.add(feature)
                what = next(n for n in _Lists._fields if getattr(there, n) != getattr(lists, n))
                yield feature, what, index, other
