"""Fronts and proofs against plans of every candidate."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from random_spaces import random_space

from shardplan.size.search.job import Job, Solved, run
from shardplan.size.search.size import size
from shardplan.size.search.size_settings import SizeSettings
from shardplan.size.search.start import Start
from shardplan.size.space.space import Space
from shardplan.size.terms.terms import Terms, target_of
from shardplan.solve.deadline import ENDLESS

SETTINGS = SizeSettings(gap=0.0)
NEAR = 1e-4
"""Plans so close are both called optimal."""


@dataclass(frozen=True)
class Truth:
    """Of one candidate."""

    step_seconds: float
    values: tuple[float, ...]
    reaches: bool

    def beats(self, other: Truth) -> bool:
        return self.reaches and all(
            mine <= theirs * (1 + NEAR) for mine, theirs in zip(self.values, other.values, strict=True)
        )


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


def check(space: Space) -> tuple[int, int]:
    """Hold a front against the truth; how many candidates were solved in full, of how many."""
    front, known = size(space, SETTINGS).front, truths(space)
    designs = {space.design(c).words: c for c in space.candidates}
    points = {point.design.words: point for point in front.points}
    for words, point in points.items():
        assert point.step_bound_seconds <= known[words].step_seconds * (1 + NEAR)
        assert point.step_seconds <= known[words].step_seconds * (1 + NEAR)
        assert known[words].reaches
    for words, truth in known.items():
        if truth.reaches:
            assert words in points or any(known[each].beats(truth) for each in points), words
    for one in points:
        others = (known[other] for other in points if other != one)
        strictly = (all(a <= b for a, b in zip(o.values, known[one].values, strict=True)) for o in others)
        assert not any(strictly), one
    ruled_out = 0
    for dominated in front.dominated:
        by = points[dominated.by.words]
        goals = dict(zip(front.minimise, zip((by.time_seconds, by.cost), (dominated.time_bound_seconds, dominated.cost_bound), strict=True), strict=False))
        assert goals
        ruled_out += dominated.designs.candidates
    for impossible in front.impossible:
        first, last = impossible.designs.first, impossible.designs.last
        members = [
            words
            for words, c in designs.items()
            if (d := space.design(c)).machine == first.machine
            and d.groups == first.groups
            and first.nodes <= d.nodes <= last.nodes
            and first.global_batch <= d.global_batch <= last.global_batch
        ]
        assert members
        assert not any(known[words].reaches for words in members)
        ruled_out += impossible.designs.candidates
    still_open = sum(each.designs.candidates for each in front.open)
    assert len(points) + ruled_out + still_open == front.candidates
    return front.solved, front.candidates


@pytest.mark.parametrize("seed", [3, 9])
def test_a_front_is_that_of_plans_of_all_candidates(seed: int) -> None:
    check(random_space(seed))


@pytest.mark.slow
def test_fronts_of_twenty_spaces_are_those_of_all_plans_and_most_are_never_solved() -> None:
    counts = [check(random_space(seed, machines_count=3 + seed % 3)) for seed in range(20)]
    assert max(of for _, of in counts) <= 60
    assert sum(solved for solved, _ in counts) <= 0.3 * sum(of for _, of in counts)
