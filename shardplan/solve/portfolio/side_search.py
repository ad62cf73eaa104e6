"""What a search in a process of its own is given, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

    from shardplan.solve.bound.relaxation import Relaxation
    from shardplan.solve.bound.whole_groups import Branch
    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.search.record import Record
    from shardplan.solve.search.search_params import SearchParams


@dataclass(frozen=True, slots=True)
class SideSearch:
    """A solve as it stands once its bound is proven and a first placement made."""

    problem: Problem
    """With its stages merged."""
    search: SearchParams
    relaxation: Relaxation
    branches: tuple[Branch, ...]
    placement: Placement | None
    lower_bound: float
    """Seconds."""
    bound: str
    enough_seconds: float
    seed: int
    gap: float
    node_limit: int | None
    most_effort: float
    seconds_left: float

    @classmethod
    def of(cls, record: Record, search: SearchParams, number: int) -> Self:
        """The ``number``-th beside the search of a record, from 1: it has a seed of its own."""
        budget = record.budget
        return cls(
            replace(record.problem),  # Without what it has worked out since, and works out now.
            search,
            record.relaxation,
            record.branches,
            record.placement,
            record.lower_bound,
            record.bound,
            record.enough_seconds,
            budget.seed + number,
            budget.gap,
            budget.node_limit,
            budget.most_effort,
            budget.deadline.seconds_left,
        )


@dataclass(frozen=True, slots=True)
class Found:
    """A placement better than all that the search had before."""

    placement: Placement
    method: str


@dataclass(frozen=True, slots=True)
class PassEnded:
    """All restarts of a pass are over; passes count from 0."""

    number: int
