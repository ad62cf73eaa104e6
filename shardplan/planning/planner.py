"""From a case to a plan: the pipeline in one place."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from shardplan.errors import Infeasible
from shardplan.planning.baseline import (
    baseline_placement,
    baseline_starts,
    placement_by_differencing,
)
from shardplan.planning.cases.best_of import best_of
from shardplan.planning.cases.open_cases import open_cases
from shardplan.planning.drafts.drafts import Drafts, timed
from shardplan.planning.formulate import formulate
from shardplan.planning.improvements import Improvements
from shardplan.planning.pace import Pace
from shardplan.planning.settle import settled
from shardplan.planning.shortfall import shortfalls
from shardplan.solve.baselines.published import GreedyCost
from shardplan.solve.deadline import Deadline
from shardplan.solve.portfolio.portfolio import solve
from shardplan.solve.search.search_params import SearchParams
from shardplan.surroundings import creation_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.plan.file.plan import Plan
    from shardplan.planning.formulation import Formulation
    from shardplan.solve.outcome import Outcome, ProvenBound
    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.reporter import Reporter
    from shardplan.solve.settings import Settings

_FIRST_SHARE = 0.6
"""Of the time, where row blocks are not alike: the rest is for placing others around them."""
_EXPLAINING_SHARE = 0.5
"""Of the time left once it is proven that there is no plan: for telling how much is short."""


def make_plan(
    case: Case,
    settings: Settings,
    reporter: Reporter,
    start: Sequence[Decision] = (),
    *,
    proven: ProvenBound | None = None,
    on_plan: Callable[[Plan], None] | None = None,
) -> Plan:
    """Formulate, solve, predict and write down.

    ``start`` are decisions to begin with; where they are a plan of this case, the plan found is no
    worse. ``proven`` is a bound known already. ``on_plan`` hears of verified plans on the way: of
    the first one at once, of better ones now and then.

    Raises
    ------
    Infeasible
        When it is proven that no plan exists; says what is short.
    NoPlanFound
        When the limits ended the solve with neither a plan nor that proof. They count from here:
        what formulating takes is not left to the solve.
    Interrupted
        When the caller interrupted it before there was a plan.
    InputError
        When the plan could not be dated.
    """
    creation_time()  # Before the search, which its failure would waste.
    cases = open_cases(case)
    if len(cases) == 1:
        return _make_plan(cases[0], settings, reporter, start, proven, on_plan)

    def make(
        each: Case, limited: Settings, hears: Reporter, tell: Callable[[Plan], None] | None
    ) -> Plan:
        if each.topology.world != case.topology.world:  # Of which neither says anything.
            return _make_plan(each, limited, hears, (), None, tell)
        return _make_plan(each, limited, hears, start, proven, tell)

    return best_of(cases, make, settings, reporter, on_plan)


def _make_plan(
    case: Case,
    settings: Settings,
    reporter: Reporter,
    start: Sequence[Decision],
    proven: ProvenBound | None,
    on_plan: Callable[[Plan], None] | None,
) -> Plan:
    """The same for a case with one width of column shards in each module that does not pool."""
    started = time.monotonic()
    deadline = Deadline.after(settings.time_limit_seconds).unless(settings.should_stop)
    begun = formulated_in_time(case, settings, deadline)
    formulation, ends = begun.formulation, begun.ends
    begin = chain(_known(formulation, start), starts(case, formulation, settings, ends))
    first = ends
    if formulation.problem.is_uneven:
        first = ends.within(ends.seconds_left * _FIRST_SHARE)

    drafts = Drafts(case, formulation, settings)

    def build(found: Outcome) -> Plan:
        return timed(drafts.plan(found), started)

    hears = reporter
    if on_plan is not None:
        stop, seconds = settings.should_stop, begun.draft_seconds
        hears = Improvements(reporter, build, on_plan, first, stop, case=case, seconds=seconds)
    outcome = solve(formulation.problem, settings.until(first), hears, begin, proven)
    if outcome.is_infeasible:
        raise Infeasible(shortfalls(case, formulation.problem, explaining(deadline)))
    return build(settled(case, formulation, outcome, settings.until(ends), reporter))


@dataclass(frozen=True, slots=True)
class Begun:
    """A case that is formulated, and what is left to be done by when."""

    formulation: Formulation
    ends: Deadline
    """Of the search, so that its plan is written in time."""
    draft_seconds: float
    """What a plan on the way takes, about."""


def formulated_in_time(
    case: Case, settings: Settings, deadline: Deadline, builds: float = 1.0
) -> Begun:
    """Formulate a case; its plan takes ``builds`` times what one takes to build that is near none.

    Raises NoPlanFound where no plan of so many tables could be; and what ``formulate`` raises.
    """
    pace = Pace(deadline, (settings.search or SearchParams()).shared)
    formulation = formulate(case, deadline, pace.params)
    rehearsal = pace.rehearsed(case)
    building = builds * rehearsal.building
    writing = building + rehearsal.rendering
    pace.heed_writing(case, writing)
    ends = deadline
    if deadline.seconds_left < float("inf"):
        ends = deadline.within(deadline.seconds_left - writing)
    return Begun(formulation, ends, writing + rehearsal.verifying)


def _known(formulation: Formulation, decisions: Sequence[Decision]) -> list[Placement]:
    """The placement that decisions stand for, if they place all."""
    if not decisions:
        return []
    placement, is_placed = formulation.placement(decisions)
    return [placement] if is_placed.all() else []


def starts(
    case: Case, formulation: Formulation, settings: Settings, deadline: Deadline
) -> Iterable[Placement]:
    """What the solve begins with: the baselines, or the one that was asked for."""
    if settings.method == "auto":
        return baseline_starts(case, formulation, deadline)
    if settings.method == "differencing":
        return [placement_by_differencing(formulation)]
    if settings.method.startswith("greedy-"):
        kind = GreedyCost(settings.method.removeprefix("greedy-").replace("-", "_"))
        return [baseline_placement(case, formulation, kind)]
    return ()


def explaining(deadline: Deadline) -> Deadline:
    """When to have said what is short, so that time is left to look for what would help."""
    return deadline.within(deadline.seconds_left * _EXPLAINING_SHARE)
