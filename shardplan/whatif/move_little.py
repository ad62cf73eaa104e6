"""The best plan of a spec that begins with an old one, and moves little where that costs little."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from shardplan.errors import Infeasible
from shardplan.formulate import formulate
from shardplan.improvements import Improvements
from shardplan.planner import explaining, finish_plan, starts, timed
from shardplan.shortfall import shortfalls
from shardplan.solve.deadline import Deadline
from shardplan.solve.outcome import Ending
from shardplan.solve.portfolio.limited_relocation import solve_near
from shardplan.solve.portfolio.portfolio import solve
from shardplan.whatif.old_plan import carry
from shardplan.whatif.relocation import Relocation
from shardplan.whatif.replan import kept_in_place, least_budget

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.case import Case
    from shardplan.formulate import Formulation
    from shardplan.plan.file.plan import Plan
    from shardplan.solve.outcome import Outcome
    from shardplan.solve.reporter import Reporter
    from shardplan.solve.settings import Settings

_NEAR_SHARE = 0.25
"""Of the time, for the plan that moves least."""


def move_little(
    old: Plan,
    then: Case,
    now: Case,
    settings: Settings,
    reporter: Reporter,
    on_plan: Callable[[Plan], None] | None = None,
) -> Plan:
    """The best plan found for ``now``, or the one that moves least from an old one.

    That one is taken where it is within the gap that was asked for; where no plan is proven to be,
    where the best one found gains less than that gap. ``then`` is the case that the old plan was
    made for. The lower bound holds for all plans of the spec, whatever they move.

    Raises Infeasible, NoPlanFound and Interrupted as ``make_plan`` does.
    """
    started = time.monotonic()
    deadline = Deadline.after(settings.time_limit_seconds)
    formulation = formulate(now)
    relocation = Relocation.of(old, now)

    def build(found: Outcome) -> Plan:
        plan = finish_plan(now, formulation, found, settings, arrange=relocation.ordered)
        return timed(plan, started)

    if on_plan is not None:
        reporter = Improvements(reporter, build, on_plan, deadline)
    near = _nearest(old, then, now, formulation, relocation, settings.until(deadline))
    known = [near.placement] if near is not None and near.placement is not None else []
    begin = [*known, *starts(now, formulation, settings)]
    found = solve(formulation.problem, settings.until(deadline), reporter, begin)
    if found.is_infeasible:
        raise Infeasible(shortfalls(now, formulation.problem, explaining(deadline)))
    if near is not None and _is_good_enough(near, found, settings.gap):
        found = replace(found, placement=near.placement, objective=near.objective)
    return build(found)


def _nearest(
    old: Plan,
    then: Case,
    now: Case,
    formulation: Formulation,
    relocation: Relocation,
    settings: Settings,
) -> Outcome | None:
    """The old plan with what it lacks, and all that can stay in its place; None without any."""
    known, is_placed = kept_in_place(formulation, carry(old, then, now).decisions)
    if not is_placed.any():
        return None
    budget = least_budget(formulation, relocation, known, is_placed)
    moves = relocation.moves(formulation, budget)
    near = replace(
        settings,
        time_limit_seconds=settings.time_limit_seconds * _NEAR_SHARE,
        patience_seconds=None,
    )
    found = solve_near(formulation.problem, known, is_placed, moves, near)
    return found if found.placement is not None else None


def _is_good_enough(near: Outcome, found: Outcome, gap: float) -> bool:
    """Whether what the best gains is less than the gap that was asked for."""
    if found.ending is Ending.GAP:
        return near.objective <= found.lower_bound * (1 + gap)
    return near.objective <= found.objective * (1 + gap)
