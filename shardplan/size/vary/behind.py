"""Of machines beside one another, what keeps each from being as quick as the quickest."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.size.bounds.least_step import least_step
from shardplan.size.vary.why_not_machine import why_not_machine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.size.space.space import Space


@dataclass(frozen=True, slots=True)
class TakenPart:
    """A part of the quicker machine, in place of the slower one's."""

    part: str
    """A key of a topology file, such as ``nics``."""
    least_seconds: float
    """The least step with it, and with those taken before."""
    saved_seconds: float
    """By how much that is below the one without."""


@dataclass(frozen=True, slots=True)
class Behind:
    """A candidate that is slower than another of as many nodes, groups and samples."""

    candidate: str
    ahead: str
    """The quickest of these."""
    least_seconds: float
    """By ``least_step``; so are all others."""
    ahead_seconds: float
    taken: tuple[TakenPart, ...]
    """Each time the part that helps most, until none helps. What is still missing then, the cost
    model makes, or parts that do not go together with the rest."""


def behind(space: Space) -> Iterator[Behind]:
    """Every such candidate of a space that has a plan, as far as bounds tell."""
    alike: dict[tuple[int, int, int], list[tuple[float, str, Case]]] = defaultdict(list)
    for each in space.candidates:
        case = space.case(each)
        found = least_step(case).seconds, space.design(each).words, case
        alike[each.batch, each.groups, each.nodes].append(found)
    for members in alike.values():
        ahead_seconds, ahead, best = min(members, key=lambda member: member[:2])
        for seconds, candidate, case in members:
            if ahead_seconds < seconds < float("inf"):
                parts = why_not_machine(case, best, least_step).exchanged
                taken = (TakenPart(p.part, p.bound.seconds, p.saved_seconds) for p in parts)
                yield Behind(candidate, ahead, seconds, ahead_seconds, tuple(taken))
