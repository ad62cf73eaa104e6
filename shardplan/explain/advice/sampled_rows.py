"""Rows that were counted in a sample of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.advice.rule import Rule, Warned
from shardplan.explain.words.words import name_some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.spec.spec import Spec


class SampledRows(Rule):
    """Says that memory may not do for the tables as they are."""

    def of_case(self, case: Case) -> Iterator[Warned]:
        """All of them, at the first."""
        if found := _sampled(case.spec):
            hint = "profile all data, or write how many rows the model has"
            yield Warned("sampled_rows", ("sampled",), _sentence(case.spec), hint, found[0])

    def of_plan(self, plan: Plan, case: Case) -> Iterator[str]:
        """The same tables."""
        if _sampled(case.spec):
            yield _sentence(case.spec)


def _sampled(spec: Spec) -> list[int]:
    """Positions of the tables whose rows are of a part of the data."""
    shares = [1.0 if each.sampled is None else each.sampled for each in spec.tables]
    return [position for position, share in enumerate(shares) if share < 1]


def _sentence(spec: Spec) -> str:
    names = [spec.tables[position].name for position in _sampled(spec)]
    return f"rows of {name_some(names)} are what a sample of the data shows: there may be more"
