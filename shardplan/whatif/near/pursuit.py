"""The best plan whatever it moves, and one that moves less and costs as little, in turn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shardplan.errors import Infeasible
from shardplan.planning.planner import explaining
from shardplan.planning.settle import settled
from shardplan.planning.shortfall import shortfalls
from shardplan.solve.outcome import Ending, ProvenBound, gap_of
from shardplan.solve.portfolio.portfolio import solve
from shardplan.whatif.near.amortisation import MovePrice
from shardplan.whatif.near.moved_from import moved_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.solve.deadline import Deadline
    from shardplan.solve.outcome import Outcome
    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.reporter import Reporter
    from shardplan.solve.settings import Settings
    from shardplan.whatif.near.amortisation import Amortisation
    from shardplan.whatif.near.near import Near
    from shardplan.whatif.near.near_drafts import NearDrafts

_BEST_SHARE = 0.8
"""Of what is then left, for the best plan whatever it moves: the rest is for moving less."""
_DEAR_SHARE = 0.5
"""The same where to move all would cost more than the gap: more is then looked for in between."""
_LAST_SHARE = 0.02
"""Of the time for both: less is not begun with again, where the gap is not met."""
_ROUNDING = 1e-6
"""Of objectives in plans, relative to the gap."""


@dataclass(slots=True)
class Pursuit:
    """Of the plan that moves least among those that cost as little as the cheapest but for the gap.

    The best plan is looked for, and then one that moves less, until the gap is met or no time is
    left.
    """

    now: Case
    near: Near
    least: Outcome | None
    """The best found of what moves least; None where nothing was."""
    drafts: NearDrafts
    """Of the best plan, whatever it moves."""
    less_drafts: NearDrafts
    """Of the one that moves less, so that both are built once."""
    amortise: Amortisation
    settings: Settings
    deadline: Deadline
    reporter: Reporter
    hears: Reporter
    """Of the search for the best plan; the reporter hears of the others."""
    found: Outcome | None = None
    """The last that moved less, and was good enough when it was found."""

    def plan(self, begin: Iterable[Placement], proven: ProvenBound | None) -> Plan:
        """What is found by the deadline; ``proven`` is a bound known already.

        Raises Infeasible where it is proven that there is no plan, and NoPlanFound or Interrupted
        where none was found.
        """
        share, last = self._best_share(), self.deadline.seconds_left * _LAST_SHARE
        while True:
            best, goes_on = self._best(begin, proven, share)
            plan = self.drafts.plan(best)
            self._look_for_less(best, plan)
            if not goes_on or self.deadline.seconds_left <= last or self.settings.should_stop():
                return self._chosen(best)
            assert best.placement is not None
            begin, proven = [best.placement], ProvenBound(best.lower_bound, best.bound)

    def _best_share(self) -> float:
        """Of the time that is left, what the best plan has before less is looked for."""
        if self.least is None:
            return 1.0
        price = MovePrice.of(self.now.topology, self.amortise, self.least.objective)
        of_all = price.step_seconds_per_byte * self.near.most_bytes
        return _DEAR_SHARE if of_all > self.settings.gap * self.least.objective else _BEST_SHARE

    def _best(
        self, begin: Iterable[Placement], proven: ProvenBound | None, share: float
    ) -> tuple[Outcome, bool]:
        """The best placement whatever it moves, and whether the clock alone ended the search."""
        formulation, until = self.near.formulation, self.deadline
        if share < 1:
            until = until.within(until.seconds_left * share)
        best = solve(formulation.problem, self.settings.until(until), self.hears, begin, proven)
        goes_on = best.ending is Ending.TIME_LIMIT
        best = best.after(*self.near.endings)
        if proven is not None and best.lower_bound < proven.lower_bound <= best.objective:
            best = replace(best, lower_bound=proven.lower_bound, bound=proven.bound)
        if best.is_infeasible:
            explained = explaining(self.deadline)
            raise Infeasible(shortfalls(self.now, formulation.problem, explained))
        limited = self.settings.until(self.deadline)
        return settled(self.now, formulation, best, limited, self.reporter), goes_on

    def _look_for_less(self, best: Outcome, plan: Plan) -> None:
        """Look for what moves less than the plan of the ``best``, unless that is known."""
        if self.least is None or not moved_in(plan) or self._less(best, plan) is not None:
            return
        named = self.near.formulation.placement(self.drafts.decisions)[0]
        found = self.near.good_enough(
            self.least,
            best,
            named,
            moved_in(plan),
            self._price(plan),
            self.settings.until(self.deadline),
            self.reporter,
        )
        self.found = found or self.found

    def _less(self, best: Outcome, plan: Plan) -> Plan | None:
        """What was found that moves less than the plan of the ``best``, where that gains less than
        the gap on it; None where nothing was."""
        if self.found is None:
            return None
        price, less = self._price(plan), self.less_drafts.plan(self._with_bound(best))
        gained = _cost_seconds(less, price) / _cost_seconds(plan, price) - 1
        is_enough = gained <= self.settings.gap * (1 + _ROUNDING)
        return less if is_enough and moved_in(less) < moved_in(plan) else None

    def _chosen(self, best: Outcome) -> Plan:
        """The plan that moves less where it is good enough, or else the best."""
        plan = self.drafts.plan(best)
        if self.least is not None and moved_in(plan) and self.deadline.is_over:
            is_stopped = self.settings.should_stop()
            best = best.after(Ending.INTERRUPTED if is_stopped else Ending.TIME_LIMIT)
            plan = self.drafts.plan(best)
        price, moved = self._price(plan), self.drafts.moved
        less = self._less(best, plan) if moved_in(plan) else None
        if less is None:
            return moved.told(plan, moved_in(plan), price=price)
        is_better = plan.optimality.objective_seconds < less.optimality.objective_seconds
        instead_of = plan if is_better else None
        return moved.told(less, moved_in(less), instead_of=instead_of, price=price)

    def _price(self, plan: Plan) -> MovePrice:
        return MovePrice.of(self.now.topology, self.amortise, plan.prediction.step_seconds)

    def _with_bound(self, best: Outcome) -> Outcome:
        """What moves less, with the bound of the best: it is within the gap or not."""
        found, ending = self.found, best.ending
        assert found is not None
        if ending is Ending.GAP and gap_of(found.objective, best.lower_bound) > self.settings.gap:
            ending = Ending.FINISHED
        return replace(
            best,
            placement=found.placement,
            objective=found.objective,
            method=found.method,
            ending=ending,
        )


def _cost_seconds(plan: Plan, price: MovePrice) -> float:
    """Of a plan that was told what it moves."""
    return price.cost_seconds(plan.optimality.objective_seconds, moved_in(plan))
