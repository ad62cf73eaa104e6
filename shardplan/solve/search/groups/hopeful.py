"""Branches that are worth a search's time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.solve.bound.whole_groups import Branch
    from shardplan.solve.search.record import Record

_OF_GAP = 0.5
"""Between bound and objective: placements come no nearer to a branch's bound than they have come to
the least of all, so that a branch beyond this has little to offer."""


def hopeful(record: Record) -> tuple[Branch, ...]:
    """The branches whose bounds are well below what is known, the best first; without a placement,
    all of them."""
    if record.placement is None:
        return record.branches
    limit = record.lower_bound + _OF_GAP * (record.objective - record.lower_bound)
    return tuple(branch for branch in record.branches if branch.lower_bound < limit)
