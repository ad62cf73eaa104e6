"""The best plan of a spec that begins with an old one, and moves little where that costs little."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.errors import Infeasible
from shardplan.planning.formulate import formulate
from shardplan.planning.improvements import Improvements
from shardplan.planning.planner import (
    explaining,
    finish_plan,
    leaving_time_to_write,
    starts,
    timed,
)
from shardplan.planning.settle import settled
from shardplan.planning.shortfall import shortfalls
from shardplan.solve.deadline import Deadline
from shardplan.solve.outcome import Ending
from shardplan.solve.portfolio.limited_relocation import solve_near
from shardplan.solve.portfolio.portfolio import solve
from shardplan.solve.search.search_params import SearchParams
from shardplan.whatif.old_plan import carry
from shardplan.whatif.relabel import relabel
from shardplan.whatif.relocation import Relocation
from shardplan.whatif.replan import kept_in_place, least_budget

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

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
"""Of the time, for the plan that moves least, and again for each that moves a little more."""
_BEST_SHARE = 0.6
"""Of what is then left, for the best plan whatever it moves: the rest is for moving less."""
_EFFORT = 0.25
"""For each of these, relative to what is asked for."""
_TRIES = 4
"""Budgets that are tried where the least is not good enough; ..."""
_LEAST_SHARE = 1 / 64
"""... none is less than this share of what the best plan moves; ..."""
_NEAR_ENOUGH = 2.0
"""... and no other is tried once one suffices that is at most so many times one that does not."""


def move_little(
    old: Plan,
    then: Case,
    now: Case,
    settings: Settings,
    reporter: Reporter,
    on_plan: Callable[[Plan], None] | None = None,
) -> Plan:
    """The best plan found for ``now``, or the one that moves least from an old one.

    That one is taken, or the one that moves least of those that move more, where it is within the
    gap that was asked for; where no plan is proven to be, where the best one found gains less than
    that gap. ``then`` is the case that the old plan was made for. The lower bound holds for all
    plans of the spec, whatever they move.

    Raises Infeasible, NoPlanFound and Interrupted as ``make_plan`` does.
    """
    started = time.monotonic()
    deadline = Deadline.after(settings.time_limit_seconds).unless(settings.should_stop)
    left = deadline.seconds_left
    formulation = formulate(now, deadline, (settings.search or SearchParams()).shared)
    deadline = leaving_time_to_write(deadline, left)
    relocation = Relocation.of(old, now)

    def build(found: Outcome) -> Plan:
        plan = finish_plan(now, formulation, found, settings, arrange=relocation.ordered)
        return timed(relabel(old, plan, now)[0], started)

    hears = reporter
    if on_plan is not None:
        hears = Improvements(reporter, build, on_plan, deadline, settings.should_stop)
    near = _Near.of(formulation, relocation, carry(old, then, now).decisions)
    least = near.best(near.least_bytes, settings.until(deadline))
    kept = least.placement if least is not None else None
    begin = [*([kept] if kept is not None else []), *starts(now, formulation, settings)]
    first = deadline
    if kept is not None:
        first = deadline.within(deadline.seconds_left * _BEST_SHARE)
    best = solve(formulation.problem, settings.until(first), hears, begin)
    if best.is_infeasible:
        raise Infeasible(shortfalls(now, formulation.problem, explaining(deadline)))
    found = _moving_least(near, least, best, settings, deadline)
    is_best = found.placement is best.placement
    if deadline.is_over:
        near.endings.append(Ending.INTERRUPTED if settings.should_stop() else Ending.TIME_LIMIT)
    found = found.after(*near.endings)
    if is_best:
        found = settled(now, formulation, found, settings.until(deadline), reporter)
    return build(found)


def _moving_least(
    near: _Near, least: Outcome | None, best: Outcome, settings: Settings, deadline: Deadline
) -> Outcome:
    """Of the plans that are good enough, the one that moves least; with the bound of the best.

    Budgets are halved, on a scale of logarithms, between the least and what is known to suffice.
    Each search begins with the plan of the largest budget that did not.
    """
    if least is None or least.placement is None or _is_good_enough(least, best, settings.gap):
        return best if least is None else _with_bound(least, best)
    found, begin = best, least.placement
    enough = near.moved_bytes(best.placement)
    too_little = max(near.least_bytes, enough * _LEAST_SHARE)
    for _ in range(_TRIES):
        if enough <= too_little * _NEAR_ENOUGH or deadline.is_over:
            break
        budget_bytes = (enough * too_little) ** 0.5
        tried = near.best(budget_bytes, settings.until(deadline), begin)
        if tried is not None and _is_good_enough(tried, best, settings.gap):
            found, enough = tried, near.moved_bytes(tried.placement)
        else:
            too_little = budget_bytes
            begin = tried.placement if tried is not None and tried.placement else begin
    return found if found is best else _with_bound(found, best)


def _with_bound(found: Outcome, best: Outcome) -> Outcome:
    return replace(best, placement=found.placement, objective=found.objective)


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

    def moved_bytes(self, placement: Placement | None) -> float:
        """What a placement moves; nothing without one."""
        if placement is None:
            return 0.0
        count = self.relocation.moves(self.formulation, 0.0).count
        return float(count(placement).sum())

    def best(
        self, budget_bytes: float, settings: Settings, begin: Placement | None = None
    ) -> Outcome | None:
        """The best that was found within a budget; None without any, or with nothing to keep.

        The search begins with what is kept of the old plan, or with a placement that moves less.
        """
        if not self.is_placed.any():
            return None
        moves = self.relocation.moves(self.formulation, budget_bytes)
        little = replace(
            settings,
            time_limit_seconds=settings.time_limit_seconds * _NEAR_SHARE,
            effort=settings.effort * _EFFORT,
            patience_seconds=None,
        )
        known, is_placed = self.known, self.is_placed.copy()
        if begin is not None:
            known, is_placed = begin, np.ones_like(is_placed)
        problem = self.formulation.problem
        found = solve_near(problem, known, is_placed, moves, little, is_bound_wanted=False)
        self.endings.append(found.ending)
        return found if found.placement is not None else None


def _is_good_enough(near: Outcome, found: Outcome, gap: float) -> bool:
    """Whether what the best gains is less than the gap that was asked for."""
    if found.gap <= gap:
        return near.objective <= found.lower_bound * (1 + gap)
    return near.objective <= found.objective * (1 + gap)
