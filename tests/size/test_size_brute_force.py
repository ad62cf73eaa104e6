"""Fronts and proofs against plans of every candidate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from random_spaces import random_space

from shardplan.size.crew.job import Job, Solved, run
from shardplan.size.crew.start import Start
from shardplan.size.search.size import size
from shardplan.size.search.size_settings import SizeSettings
from shardplan.size.terms.terms import Terms, target_of
from shardplan.solve.deadline import ENDLESS

if TYPE_CHECKING:
    from shardplan.size.answer.design import DesignRange
    from shardplan.size.space.space import Space

SETTINGS = SizeSettings(gap=0.0)
NEAR = 1e-4
"""Plans so close are both called optimal."""


@dataclass(frozen=True)
class Truth:
    """Of one candidate."""

    step_seconds: float
    values: tuple[float, ...]
    reaches: bool

    def beats(self, other: Truth, by: float) -> bool:
        """Whether it is less in all that is minimised by such a share."""
        pairs = zip(self.values, other.values, strict=True)
        return self.reaches and all(mine <= theirs * (1 - by) for mine, theirs in pairs)


def truths(space: Space) -> dict[str, Truth]:
    """Every candidate, planned to the end."""
    found = {}
    limits = SETTINGS.of_solve(ENDLESS, in_full=True)
    for candidate in space.candidates:
        terms = Terms.of(space, candidate)
        solved = run(Job(space.case(candidate), limits, Start()))
        step = solved.step_seconds if isinstance(solved, Solved) else float("inf")
        reaches = step <= terms.longest_step(target_of(space.size)) and step < float("inf")
        values = terms.values(step, space.size.goals)
        found[space.design(candidate).words] = Truth(step, values, reaches)
    return found


def members(space: Space, designs: DesignRange) -> list[str]:
    """All candidates that something is said of."""
    first, last = designs.first, designs.last
    return [
        each.words
        for each in map(space.design, space.candidates)
        if each.machine == first.machine
        and each.groups == first.groups
        and first.nodes <= each.nodes <= last.nodes
        and first.global_batch <= each.global_batch <= last.global_batch
    ]


def check(space: Space) -> tuple[int, int]:
    """Hold a front against the truth; how many candidates were solved in full, of how many."""
    front, known = size(space, SETTINGS).front, truths(space)
    points = {point.design.words: point for point in front.points}
    for words, point in points.items():
        truth = known[words]
        assert truth.reaches
        assert point.step_bound_seconds <= truth.step_seconds * (1 + NEAR)
        assert point.step_seconds <= truth.step_seconds * (1 + NEAR)
        assert not any(known[other].beats(truth, by=NEAR) for other in points if other != words)
    for words, truth in known.items():
        beaten = any(known[each].beats(truth, by=-NEAR) for each in points)
        assert not truth.reaches or words in points or beaten, words
    for dominated in front.dominated:
        for words in members(space, dominated.designs):
            assert known[dominated.by.words].beats(known[words], by=-NEAR)
            assert dominated.step_bound_seconds <= known[words].step_seconds * (1 + NEAR)
    for impossible in front.impossible:
        assert not any(known[words].reaches for words in members(space, impossible.designs))
    told = [*front.dominated, *front.impossible, *front.open]
    assert len(points) + sum(each.designs.candidates for each in told) == front.candidates
    return front.solved, front.candidates


def test_a_front_is_that_of_plans_of_all_candidates() -> None:
    check(random_space(9))


@pytest.mark.slow
def test_fronts_of_twenty_spaces_are_those_of_all_plans_and_most_are_never_solved() -> None:
    counts = [check(random_space(seed, machines_count=3 + seed % 3)) for seed in range(20)]
    assert max(of for _, of in counts) <= 60
    assert sum(solved for solved, _ in counts) <= 0.3 * sum(of for _, of in counts)
