"""Bounds for a thousand node counts from a few dozen of them."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import sqrt
from typing import TYPE_CHECKING, Self

from shardplan.size.bounds.least_step import least_step
from shardplan.size.bounds.range_bound import RangeBound, breaks_of
from shardplan.size.bounds.sized import SharedOptions, Sized

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shardplan.case import Case
    from shardplan.size.bounds.step_bound import StepBound

TOLERANCE = 0.05
"""By how much a range's bound may fall short of what is known of its ends."""
MOST_CASES = 24
"""Node counts of which a case is made: nearly all of the time goes into these."""


@dataclass(frozen=True, slots=True)
class ScaleBounds:
    """What the step takes at least on each of some numbers of nodes of one machine."""

    counts: tuple[int, ...]
    """Rising."""
    points: dict[int, StepBound]
    """Of the counts of which a case was made."""
    ranges: tuple[RangeBound, ...]
    """Between these, rising; each ends where the next one begins."""

    @classmethod
    def of(
        cls,
        case_of: Callable[[int], Case],
        counts: Sequence[int],
        *,
        tolerance: float = TOLERANCE,
        most_cases: int = MOST_CASES,
    ) -> Self:
        """Of the cases that ``case_of`` makes for numbers of nodes, which differ in nothing else
        but, with so many samples for each device, in the batch.

        A range is halved, the loosest first, until its bound falls short of the bounds at its ends
        by no more than ``tolerance``, or ``most_cases`` were made.
        """
        known = tuple(sorted(set(counts)))
        if not known:
            return cls((), {}, ())
        survey = _Survey(case_of, known)
        edges = breaks_of(survey.case(known[-1]), known)
        survey.shared = SharedOptions.between(survey.case(known[0]), survey.case(known[-1]))
        for first, last in itertools.pairwise(edges):
            survey.add(first, last)
        while survey.looseness > tolerance and len(survey.cases) < most_cases:
            survey.halve()
        for nodes in edges:
            survey.point(nodes)
        ranges = sorted(survey.ranges(), key=lambda each: each.first)
        return cls(known, dict(sorted(survey.points.items())), tuple(ranges))

    def seconds(self, nodes: int) -> float:
        """What a step on so many nodes takes at least; infinite where there is no plan.

        Raises KeyError for a number that is not among the counts.
        """
        if nodes not in self.counts:
            raise KeyError(nodes)
        if nodes in self.points:
            return self.points[nodes].seconds
        return self.range_of(nodes).seconds(nodes)

    def range_of(self, nodes: int) -> RangeBound:
        """The range that a number of nodes lies in."""
        at = bisect_right([each.first for each in self.ranges], nodes) - 1
        return self.ranges[max(at, 0)]

    def open_to(self, target_seconds: float) -> tuple[int, ...]:
        """The counts of which it is not proven that no plan's step is as short as a target."""
        return tuple(n for n in self.counts if self.seconds(n) <= target_seconds)

    @property
    def with_room(self) -> tuple[int, ...]:
        """The counts of which it is not proven that the tables do not fit."""
        return tuple(n for n in self.counts if self.seconds(n) < float("inf"))


@dataclass(slots=True)
class _Survey:
    """Cases and bounds as they are made, each once."""

    case_of: Callable[[int], Case]
    counts: Sequence[int]
    cases: dict[int, Case] = field(default_factory=dict)
    shared: tuple[SharedOptions, ...] = ()
    """Of all counts."""
    sizes: dict[int, Sized] = field(default_factory=dict)
    points: dict[int, StepBound] = field(default_factory=dict)
    heap: list[tuple[float, int, RangeBound]] = field(default_factory=list)
    """The loosest first: (-looseness, first, bound)."""

    @property
    def looseness(self) -> float:
        """Of the loosest range that can be halved."""
        return -self.heap[0][0] if self.heap else 0.0

    def case(self, nodes: int) -> Case:
        """Of so many nodes."""
        if nodes not in self.cases:
            self.cases[nodes] = self.case_of(nodes)
        return self.cases[nodes]

    def size(self, nodes: int) -> Sized:
        """Priced with the options of all counts."""
        if nodes not in self.sizes:
            self.sizes[nodes] = Sized.of(self.case(nodes), self.shared)
        return self.sizes[nodes]

    def point(self, nodes: int) -> StepBound:
        """In closed form."""
        if nodes not in self.points:
            self.points[nodes] = least_step(self.case(nodes))
        return self.points[nodes]

    def add(self, first: int, last: int) -> None:
        """One more range."""
        bound = RangeBound.between(self.size(first), self.size(last), self.shared)
        loose = max((self._looseness(bound, n) for n in (first, last)), default=0.0)
        inside = self._middle(first, last) is not None
        heappush(self.heap, (-loose if inside else 0.0, first, bound))

    def _looseness(self, bound: RangeBound, nodes: int) -> float:
        known, told = self.point(nodes).seconds, bound.seconds(nodes)
        if known == told or known == 0:
            return 0.0
        return 1.0 if known == float("inf") else 1.0 - told / known

    def halve(self) -> None:
        """The loosest."""
        _, first, bound = heappop(self.heap)
        middle = self._middle(first, bound.last)
        assert middle is not None, "a range without counts inside is never the loosest"
        self.add(first, middle)
        self.add(middle, bound.last)

    def _middle(self, first: int, last: int) -> int | None:
        """The count nearest to the geometric middle, between the ends."""
        inside = [n for n in self.counts if first < n < last]
        return min(inside, key=lambda n: abs(n - sqrt(first * last)), default=None)

    def ranges(self) -> list[RangeBound]:
        """All of them."""
        return [bound for _, _, bound in self.heap]
