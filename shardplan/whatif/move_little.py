"""The best plan of a spec that begins with an old one, and moves little where that costs little."""

from __future__ import annotations

import time
from itertools import chain
from typing import TYPE_CHECKING

from shardplan.plan.carried import summed_as_planned
from shardplan.planning.cases.groupings import in_groups_near
from shardplan.planning.cases.widths import of_one_width
from shardplan.planning.improvements import Improvements
from shardplan.planning.planner import formulated_in_time, starts
from shardplan.solve.deadline import Deadline
from shardplan.surroundings import creation_time
from shardplan.whatif.near.amortisation import Amortisation
from shardplan.whatif.near.moved_from import MovedFrom
from shardplan.whatif.near.near import Near
from shardplan.whatif.near.near_drafts import NearDrafts
from shardplan.whatif.near.pursuit import Pursuit
from shardplan.whatif.relocation import Relocation
from shardplan.whatif.replan import BUILDS
from shardplan.whatif.resume import resume

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.solve.reporter import Reporter
    from shardplan.solve.settings import Settings

_A_DAY = Amortisation()


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
    less_drafts = NearDrafts.of(formulation, settings, moved, started)
    pursuit = Pursuit(
        now, near, least, drafts, less_drafts, amortise, settings, deadline, reporter, hears
    )
    return pursuit.plan(begin, taken_up.proven)
