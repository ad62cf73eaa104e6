"""The best plan of a spec that begins with an old one, and moves little where that costs little."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from shardplan.errors import Infeasible
from shardplan.planning.cases.groupings import in_groups_near
from shardplan.planning.cases.widths import of_one_width
from shardplan.planning.improvements import Improvements
from shardplan.planning.planner import explaining, formulated_in_time, starts
from shardplan.planning.settle import settled
from shardplan.planning.shortfall import shortfalls
from shardplan.solve.deadline import Deadline
from shardplan.solve.outcome import Ending, gap_of
from shardplan.solve.portfolio.least_relocation import relocate_least
from shardplan.solve.portfolio.limited_relocation import solve_near
from shardplan.solve.portfolio.portfolio import solve
from shardplan.solve.portfolio.relocation_goal import RelocationGoal
from shardplan.solve.problem.placement import evaluate
from shardplan.surroundings import creation_time
from shardplan.whatif.near.amortisation import Amortisation, MovePrice
from shardplan.whatif.near.moved_from import MovedFrom, moved_in
from shardplan.whatif.near.near_drafts import NearDrafts
from shardplan.whatif.relocation import Relocation
from shardplan.whatif.replan import BUILDS, kept_in_place, least_budget
from shardplan.whatif.resume import resume

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

_A_DAY = Amortisation()
_NEAR_SHARE = 0.25
"""Of the time, for the plan that moves least."""
_BEST_SHARE = 0.8
"""Of what is then left, for the best plan whatever it moves: the rest is for moving less."""
_DEAR_SHARE = 0.5
"""The same where to move all would cost more than the gap: more is then looked for in between."""
_EFFORT = 0.25
"""For the plan that moves least, relative to what is asked for."""
_CHEAPEST_SHARE = 0.5
"""Of the time for moving less, for what costs least with its moves, where these cost much."""
_LITTLE_SHARE = 0.5
"""Of the time for moving less, for each way of looking but the last."""
_HALVINGS = 3
"""Of the bytes between what must move and what was found to be good enough."""
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
    groups the devices are, they stay in as many. The lower bound holds for all plans of the spec in
    so many, whatever they move; that of the old plan holds too where the spec is the same. The
    plan's ``moves`` say what moves, and what the best one would move and gain.

    Raises Infeasible, NoPlanFound, Interrupted and InputError as ``make_plan`` does.
    """
    creation_time()  # Before the search, which its failure would waste.
    started = time.monotonic()
    deadline = Deadline.after(settings.time_limit_seconds).unless(settings.should_stop)
    now = in_groups_near(now, then.topology.groups)
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
    near = _Near.of(formulation, relocation, carried)
    least = near.least(settings.until(deadline))
    kept = [] if least is None or least.placement is None else [least.placement]
    begin = chain(kept, starts(now, formulation, settings, deadline))
    first = deadline
    if least is not None:
        price = MovePrice.of(now.topology, amortise, least.objective)
        matters = price.step_seconds_per_byte * near.most_bytes > settings.gap * least.objective
        share = _DEAR_SHARE if matters else _BEST_SHARE
        first = deadline.within(deadline.seconds_left * share)
    best = solve(formulation.problem, settings.until(first), hears, begin, taken_up.proven)
    best = best.after(*near.endings)
    if best.is_infeasible:
        raise Infeasible(shortfalls(now, formulation.problem, explaining(deadline)))
    best = settled(now, formulation, best, settings.until(deadline), reporter)
    plan = drafts.plan(best)
    price = MovePrice.of(now.topology, amortise, plan.prediction.step_seconds)
    plan = moved.told(plan, moved_in(plan), price=price)
    if least is None or not moved_in(plan):
        return plan
    named = formulation.placement(drafts.decisions)[0]
    limited = settings.until(deadline)
    found = near.good_enough(least, best, named, moved_in(plan), price, limited, reporter)
    if deadline.is_over:
        best = best.after(Ending.INTERRUPTED if settings.should_stop() else Ending.TIME_LIMIT)
        plan = moved.told(drafts.plan(best), moved_in(plan), price=price)
    if found is None:
        return plan
    other = drafts.plan(_with_bound(found, best, settings.gap))
    gained = _cost_seconds(other, price) / _cost_seconds(plan, price) - 1
    if gained > settings.gap * (1 + _ROUNDING) or moved_in(other) >= moved_in(plan):
        return plan
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
    most_bytes: float
    """What moves when nothing stays."""
    endings: list[Ending] = field(default_factory=list)
    """Of the searches so far."""

    @classmethod
    def of(
        cls, formulation: Formulation, relocation: Relocation, decisions: Sequence[Decision]
    ) -> Self:
        """Keep what ``decisions`` say."""
        known, is_placed = kept_in_place(formulation, decisions)
        least = least_budget(formulation, relocation, known, is_placed)
        starts = formulation.problem.option_offsets[:-1]
        most = np.minimum.reduceat(relocation.moves(formulation, 0.0).most, starts).sum()
        return cls(formulation, relocation, known, is_placed, least, float(most))

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
        best_bytes: int,
        price: MovePrice,
        settings: Settings,
        reporter: Reporter,
    ) -> Outcome | None:
        """Of what the cheapest gains less on than the gap, what moves least; None if nothing was
        found.

        ``named`` is the best placement under the names of devices for which it moves least, which
        are ``best_bytes``.
        """
        assert least.placement is not None
        problem, deadline = self.formulation.problem, settings.deadline()
        moves = self.relocation.moves(self.formulation, self.least_bytes)
        of_byte = price.step_seconds_per_byte

        def moved(placement: Placement) -> float:
            return float(moves.count(placement).sum())

        def cost(placement: Placement) -> float:
            return price.cost_seconds(evaluate(problem, placement).objective, moved(placement))

        def search(good: Placement, goal: RelocationGoal, share: float) -> Placement | None:
            left = settings.until(deadline.within(deadline.seconds_left * share))
            return relocate_least(problem, kept, good, moves, goal, left, reporter)

        kept, cheapest = least.placement, None
        costs = [price.cost_seconds(best.objective, best_bytes), cost(kept)]
        if of_byte * best_bytes > settings.gap * best.objective:
            goal = RelocationGoal(min(costs), of_byte, is_cost=True)
            cheapest = search(named, goal, _CHEAPEST_SHARE)
            costs += [cost(cheapest)] if cheapest is not None else []
        most_seconds = min(costs) * (1 + settings.gap)
        if costs[1] <= most_seconds:
            return least
        stays = self._within(kept, self.least_bytes, most_seconds, price, settings, deadline)
        if stays is not None:
            objective = evaluate(problem, stays).objective
            return replace(best, placement=stays, objective=objective, method="near")
        goal = RelocationGoal(most_seconds, of_byte)
        found = search(cheapest or named, goal, _LITTLE_SHARE) or cheapest
        low, high = self.least_bytes, best_bytes if found is None else moved(found)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            less = self._within(kept, middle, most_seconds, price, settings, deadline)
            if less is None:
                low = middle
            else:
                found, high = less, moved(less)
        if found is None:
            return None
        objective = evaluate(problem, found).objective
        return replace(best, placement=found, objective=objective, method="near")

    def _within(
        self,
        kept: Placement,
        limit_bytes: float,
        most_seconds: float,
        price: MovePrice,
        settings: Settings,
        deadline: Deadline,
    ) -> Placement | None:
        """One near ``kept`` that moves no more, and costs no more; None if none was found."""
        if deadline.is_over:
            return None
        moves = self.relocation.moves(self.formulation, limit_bytes)
        enough = most_seconds - price.step_seconds_per_byte * limit_bytes
        until = deadline.within(deadline.seconds_left * _LITTLE_SHARE)
        left = replace(settings.until(until).in_one_pass(), patience_seconds=None)
        found = solve_near(
            self.formulation.problem,
            kept,
            np.ones_like(self.is_placed),
            moves,
            left,
            enough_seconds=enough,
            is_bound_wanted=False,
        )
        return found.placement if found.objective <= enough else None
