"""The best plan of a spec that begins with an old one, and moves little where that costs little."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from shardplan.errors import Infeasible
from shardplan.plan.carried import summed_as_planned
from shardplan.planning.cases.groupings import in_groups_near
from shardplan.planning.cases.widths import of_one_width
from shardplan.planning.improvements import Improvements
from shardplan.planning.planner import explaining, formulated_in_time, starts
from shardplan.planning.settle import settled
from shardplan.planning.shortfall import shortfalls
from shardplan.solve.deadline import Deadline
from shardplan.solve.outcome import Ending, ProvenBound, gap_of
from shardplan.solve.portfolio.portfolio import solve
from shardplan.surroundings import creation_time
from shardplan.whatif.near.amortisation import Amortisation, MovePrice
from shardplan.whatif.near.moved_from import MovedFrom, moved_in
from shardplan.whatif.near.near import Near
from shardplan.whatif.near.near_drafts import NearDrafts
from shardplan.whatif.relocation import Relocation
from shardplan.whatif.replan import BUILDS
from shardplan.whatif.resume import resume

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.solve.outcome import Outcome
    from shardplan.solve.reporter import Reporter
    from shardplan.solve.settings import Settings

_A_DAY = Amortisation()
_BEST_SHARE = 0.8
"""Of what is then left, for the best plan whatever it moves: the rest is for moving less."""
_DEAR_SHARE = 0.5
"""The same where to move all would cost more than the gap: more is then looked for in between."""
_LAST_SHARE = 0.02
"""Of the time for both: less is not begun with again, where the gap is not met."""
_ROUNDING = 1e-6
"""Of objectives in plans, relative to the gap."""


def move_little(
    old: Plan,
    then: Case,
    now: Case,
    settings: Settings,
    reporter: Reporter,
    on_plan: Callable[[Plan], None] | None = None,
    amortise: Amortisation = _A_DAY,
) -> Plan:
    """The plan found for ``now`` that moves least of those that cost as little as the cheapest but
    for the gap.

    A plan costs its objective and what it moves, spread over the steps of ``amortise``: a byte
    counts as if all came one after the other over the slowest link between devices. What the
    cheapest one found gains on the one taken is less than the gap that was asked for.

    ``then`` is the case that the old plan was made for; where the spec leaves open in how many
    groups the devices are, or how gradients are summed, both stay as they were. The lower bound
    holds for all such plans of the spec, whatever they move; that of the old plan holds too where
    the spec is the same. The plan's ``moves`` say what moves, and what the best one would move and
    gain.

    Raises Infeasible, NoPlanFound, Interrupted and InputError as ``make_plan`` does.
    """
    creation_time()  # Before the search, which its failure would waste.
    started = time.monotonic()
    deadline = Deadline.after(settings.time_limit_seconds).unless(settings.should_stop)
    now = summed_as_planned(old, in_groups_near(now, then.topology.groups))
    taken_up = resume(old, then, now)
    carried = taken_up.decisions
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
    near = Near.of(formulation, relocation, carried)
    least = near.least(settings.until(deadline))
    kept = [] if least is None or least.placement is None else [least.placement]
    begin = chain(kept, starts(now, formulation, settings, deadline))
    share = 1.0
    if least is not None:
        price = MovePrice.of(now.topology, amortise, least.objective)
        matters = price.step_seconds_per_byte * near.most_bytes > settings.gap * least.objective
        share = _DEAR_SHARE if matters else _BEST_SHARE
    problem, proven = formulation.problem, taken_up.proven
    found: Outcome | None = None
    last = deadline.seconds_left * _LAST_SHARE

    def is_enough(plan: Plan, price: MovePrice) -> bool:
        if found is None:
            return False
        other = drafts.plan(_with_bound(found, best, settings.gap))
        gained = _cost_seconds(other, price) / _cost_seconds(plan, price) - 1
        return gained <= settings.gap * (1 + _ROUNDING) and moved_in(other) < moved_in(plan)

    while True:
        first = deadline.within(deadline.seconds_left * share) if share < 1 else deadline
        best = solve(problem, settings.until(first), hears, begin, proven)
        goes_on = best.ending is Ending.TIME_LIMIT
        best = best.after(*near.endings)
        if proven is not None and best.lower_bound < proven.lower_bound <= best.objective:
            best = replace(best, lower_bound=proven.lower_bound, bound=proven.bound)
        if best.is_infeasible:
            raise Infeasible(shortfalls(now, problem, explaining(deadline)))
        best = settled(now, formulation, best, settings.until(deadline), reporter)
        plan = drafts.plan(best)
        price = MovePrice.of(now.topology, amortise, plan.prediction.step_seconds)
        if least is not None and moved_in(plan) and not is_enough(plan, price):
            plan = drafts.plan(best)  # Again the last, whose decisions are asked for.
            named = formulation.placement(drafts.decisions)[0]
            limited = settings.until(deadline)
            less = near.good_enough(least, best, named, moved_in(plan), price, limited, reporter)
            found = less or found
        if not goes_on or deadline.seconds_left <= last or settings.should_stop():
            break
        assert best.placement is not None
        begin, proven = chain([best.placement]), ProvenBound(best.lower_bound, best.bound)
    plan = moved.told(plan, moved_in(plan), price=price)
    if least is None or not moved_in(plan):
        return plan
    if deadline.is_over:
        best = best.after(Ending.INTERRUPTED if settings.should_stop() else Ending.TIME_LIMIT)
        plan = moved.told(drafts.plan(best), moved_in(plan), price=price)
    if found is None or not is_enough(plan, price):
        return plan
    other = drafts.plan(_with_bound(found, best, settings.gap))
    is_better = plan.optimality.objective_seconds < other.optimality.objective_seconds
    better = plan if is_better else None
    return moved.told(other, moved_in(other), instead_of=better, price=price)


def _cost_seconds(plan: Plan, price: MovePrice) -> float:
    """Of a plan that was told what it moves."""
    return price.cost_seconds(plan.optimality.objective_seconds, moved_in(plan))


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
