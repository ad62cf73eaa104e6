"""The best plan of a spec that begins with an old one, and moves little where that costs little."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING

from shardplan.errors import Infeasible
from shardplan.planning.cases.groupings import in_groups_near
from shardplan.planning.cases.widths import of_one_width
from shardplan.planning.improvements import Improvements
from shardplan.planning.planner import (
    explaining,
    formulated_in_time,
    starts,
)
from shardplan.planning.settle import settled
from shardplan.planning.shortfall import shortfalls
from shardplan.solve.deadline import Deadline
from shardplan.solve.outcome import Ending, gap_of
from shardplan.solve.portfolio.least_relocation import relocate_least
from shardplan.solve.portfolio.limited_relocation import solve_near
from shardplan.solve.portfolio.portfolio import solve
from shardplan.solve.problem.placement import evaluate
from shardplan.surroundings import creation_time
from shardplan.whatif.near.moved_from import MovedFrom, moved_in
from shardplan.whatif.near.near_drafts import NearDrafts
from shardplan.whatif.old_plan import carry
from shardplan.whatif.relocation import Relocation
from shardplan.whatif.replan import BUILDS, kept_in_place, least_budget

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

    import numpy as np
    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.plan.file.plan import Plan
    from shardplan.planning.formulation import Formulation
    from shardplan.solve.outcome import Outcome
    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.reporter import Reporter
    from shardplan.solve.settings import Settings

_NEAR_SHARE = 0.25
"""Of the time, for the plan that moves least."""
_BEST_SHARE = 0.8
"""Of what is then left, for the best plan whatever it moves: the rest is for moving less."""
_EFFORT = 0.25
"""For the plan that moves least, relative to what is asked for."""
_ROUNDING = 1e-6
"""Of objectives in plans, relative to the gap."""


def move_little(
    old: Plan,
    then: Case,
    now: Case,
    settings: Settings,
    reporter: Reporter,
    on_plan: Callable[[Plan], None] | None = None,
) -> Plan:
    """The plan found for ``now`` that moves least of those that are as good as the best but for the
    gap.

    What the best one found, whatever it moves, gains on the one taken is less than the gap that was
    asked for. ``then`` is the case that the old plan was made for; where the spec leaves open in
    how many groups the devices are, they stay in as many. The lower bound holds for all plans of
    the spec in so many, whatever they move. The plan's ``moves`` say what moves, and what the best
    one would move and gain.

    Raises Infeasible, NoPlanFound, Interrupted and InputError as ``make_plan`` does.
    """
    creation_time()  # Before the search, which its failure would waste.
    started = time.monotonic()
    deadline = Deadline.after(settings.time_limit_seconds).unless(settings.should_stop)
    now = in_groups_near(now, then.topology.groups)
    carried = carry(old, then, now).decisions
    begun = formulated_in_time(of_one_width(now, carried), settings, deadline, BUILDS)
    formulation, deadline = begun.formulation, begun.ends
    relocation = Relocation.of(old, now)
    moved = MovedFrom.of(old, relocation)
    drafts = NearDrafts.of(formulation, settings, moved, started)
    hears = reporter
    if on_plan is not None:
        stop, seconds = settings.should_stop, begun.draft_seconds
        build = drafts.plan
        hears = Improvements(reporter, build, on_plan, deadline, stop, case=now, seconds=seconds)
    near = _Near.of(formulation, relocation, carried)
    least = near.least(settings.until(deadline))
    kept = [] if least is None or least.placement is None else [least.placement]
    begin = chain(kept, starts(now, formulation, settings, deadline))
    first = deadline
    if least is not None:
        first = deadline.within(deadline.seconds_left * _BEST_SHARE)
    best = solve(formulation.problem, settings.until(first), hears, begin).after(*near.endings)
    if best.is_infeasible:
        raise Infeasible(shortfalls(now, formulation.problem, explaining(deadline)))
    best = settled(now, formulation, best, settings.until(deadline), reporter)
    plan = drafts.plan(best)
    if least is None or not moved_in(plan):
        return plan
    named = formulation.placement(drafts.decisions)[0]
    found = near.good_enough(least, best, named, settings.until(deadline), reporter)
    if deadline.is_over:
        best = best.after(Ending.INTERRUPTED if settings.should_stop() else Ending.TIME_LIMIT)
        plan = drafts.plan(best)
    if found is None:
        return plan
    other = drafts.plan(_with_bound(found, best, settings.gap))
    gained = other.optimality.objective_seconds / plan.optimality.objective_seconds - 1
    if gained > settings.gap * (1 + _ROUNDING) or moved_in(other) >= moved_in(plan):
        return plan
    return moved.told(other, moved_in(other), instead_of=plan)


def _with_bound(found: Outcome, best: Outcome, gap: float) -> Outcome:
    """A plan that moves less, with the bound of the best: it is within the gap or not."""
    ending = best.ending
    if ending is Ending.GAP and gap_of(found.objective, best.lower_bound) > gap:
        ending = Ending.FINISHED
    return replace(
        best,
        placement=found.placement,
        objective=found.objective,
        method=found.method,
        ending=ending,
    )


@dataclass(frozen=True, slots=True)
class _Near:
    """An old plan as far as it can be kept, and what is moved from it."""

    formulation: Formulation
    relocation: Relocation
    known: Placement
    is_placed: NDArray[np.bool_]
    """(I,): which items of ``known`` mean anything."""
    least_bytes: float
    """What moves when all that can stays."""
    endings: list[Ending] = field(default_factory=list)
    """Of the searches so far."""

    @classmethod
    def of(
        cls, formulation: Formulation, relocation: Relocation, decisions: Sequence[Decision]
    ) -> Self:
        """Keep what ``decisions`` say."""
        known, is_placed = kept_in_place(formulation, decisions)
        least = least_budget(formulation, relocation, known, is_placed)
        return cls(formulation, relocation, known, is_placed, least)

    def least(self, settings: Settings) -> Outcome | None:
        """The best found of what moves least; None without any, or with nothing to keep."""
        if not self.is_placed.any():
            return None
        moves = self.relocation.moves(self.formulation, self.least_bytes)
        little = replace(
            settings,
            time_limit_seconds=settings.time_limit_seconds * _NEAR_SHARE,
            effort=settings.in_one_pass().most_effort * _EFFORT,
            patience_seconds=None,
        )
        problem = self.formulation.problem
        found = solve_near(
            problem, self.known, self.is_placed, moves, little, is_bound_wanted=False
        )
        self.endings.append(found.ending)
        return found if found.placement is not None else None

    def good_enough(
        self,
        least: Outcome,
        best: Outcome,
        named: Placement,
        settings: Settings,
        reporter: Reporter,
    ) -> Outcome | None:
        """Of what the best gains less on than the gap, what moves least; None if nothing was found.

        ``named`` is the best placement under the names of devices for which it moves least.
        """
        most_seconds = best.objective * (1 + settings.gap)
        if least.objective <= most_seconds:
            return least
        assert least.placement is not None
        problem = self.formulation.problem
        moves = self.relocation.moves(self.formulation, self.least_bytes)
        found = relocate_least(
            problem, least.placement, named, moves, most_seconds, settings, reporter
        )
        if found is None:
            return None
        objective = evaluate(problem, found).objective
        return replace(best, placement=found, objective=objective, method="near")
