"""What stays near an old plan: what moves least, and what moves little for what it costs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.portfolio.least_relocation import relocate_least
from shardplan.solve.portfolio.limited_relocation import solve_near
from shardplan.solve.portfolio.relocation_goal import RelocationGoal
from shardplan.solve.problem.placement import evaluate
from shardplan.whatif.replan import kept_in_place, least_budget

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from numpy.typing import NDArray

    from shardplan.plan.decision import Decision
    from shardplan.planning.formulation import Formulation
    from shardplan.solve.deadline import Deadline
    from shardplan.solve.outcome import Ending, Outcome
    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.reporter import Reporter
    from shardplan.solve.settings import Settings
    from shardplan.whatif.near.amortisation import MovePrice
    from shardplan.whatif.relocation import Relocation

_NEAR_SHARE = 0.25
"""Of the time, for the plan that moves least."""
_CHEAPEST_SHARE = 0.5
"""Of the time for moving less, for what costs least with its moves, where these cost much."""
_LITTLE_SHARE = 0.5
"""Of the time for moving less, for each way of looking but the last."""
_HALVINGS = 3
"""Of the bytes between what must move and what was found to be good enough."""


@dataclass(frozen=True, slots=True)
class Near:
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
        """The best found of what moves least; None without any, or with nothing to keep.

        It is looked for as by ``replan`` without a budget, so that a plan that may move more is no
        worse than one that may not, where the time is enough for that.
        """
        if not self.is_placed.any():
            return None
        moves = self.relocation.moves(self.formulation, self.least_bytes)
        little = replace(
            settings.in_one_pass(),
            time_limit_seconds=settings.time_limit_seconds * _NEAR_SHARE,
            patience_seconds=None,
        )
        problem = self.formulation.problem
        found = solve_near(
            problem, self.known, self.is_placed.copy(), moves, little, is_bound_wanted=False
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
