"""Of placements near a known one, one that moves little for its objective, or costs little in all.

Copies of a placement are balanced side by side, each at its own price of a byte that moves: where
bytes are dear, only those units move that gain most for theirs. The best by what is sought is kept
(``RelocationGoal``); where items moved for nothing, they are put back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.exact.assignment import assignment
from shardplan.solve.exact.fares_of_columns import fares_of_columns
from shardplan.solve.mixing.mixes_as_options import MixesAsOptions
from shardplan.solve.mixing.representatives import near_best
from shardplan.solve.portfolio.portfolio import prove_relaxation
from shardplan.solve.problem.legality import is_legal
from shardplan.solve.problem.placement import Placement, evaluate
from shardplan.solve.problem.variants import take
from shardplan.solve.program.answer import Limits, Status, Watch
from shardplan.solve.program.backend import solve_program
from shardplan.solve.search.fares import Fares
from shardplan.solve.search.incumbent import Incumbent
from shardplan.solve.search.record import Record
from shardplan.solve.search.repartition.repartition import repartition
from shardplan.solve.search.search_params import SearchParams

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.portfolio.relocation_goal import RelocationGoal
    from shardplan.solve.portfolio.relocation_limit import RelocationLimit
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.reporter import Reporter
    from shardplan.solve.search.relocation_params import LeastRelocationParams
    from shardplan.solve.search.repartition.copies import Copies
    from shardplan.solve.settings import Settings

_ROUNDING = 1e-9
"""Relative, of what is added up in another order."""


def relocate_least(
    problem: Problem,
    known: Placement,
    good: Placement,
    moves: RelocationLimit,
    goal: RelocationGoal,
    settings: Settings,
    reporter: Reporter,
) -> Placement | None:
    """A placement that is good enough for the ``goal``, and found to be the best by it; None where
    none is found.

    ``known`` is the placement for which least moves, ``good`` one of a small objective. The limit
    of ``moves`` does not matter.
    """
    search = settings.search or SearchParams()
    record = Record.begun(problem, settings, reporter)
    prove_relaxation(record, search)
    return search_near(record, known, good, moves, goal, search.relocation.least)


def search_near(
    record: Record,
    known: Placement,
    good: Placement,
    moves: RelocationLimit,
    goal: RelocationGoal,
    params: LeastRelocationParams,
) -> Placement | None:
    """The same for a record whose relaxation is proven; it is told of no placement."""
    relaxation = record.relaxation
    # With one option more costly than that no placement is good enough.
    slack = (goal.most_seconds - relaxation.lower_bound) * (1 + _ROUNDING)
    allowed = relaxation.reduced_cost <= slack
    allowed &= near_best(record.problem, relaxation, params.options_drawn)
    record.reporter.starting("near")
    return _Search(record, known, good, allowed, moves, goal, params).run()


@dataclass(frozen=True, slots=True)
class _Found:
    """A placement that is good enough."""

    placement: Placement
    moved_bytes: float
    value: float
    """The less, the better."""


class _Search:
    """Balancing around several starts in a smaller problem: of the options that may be of use."""

    def __init__(
        self,
        record: Record,
        known: Placement,
        good: Placement,
        allowed: NDArray[np.bool_],
        moves: RelocationLimit,
        goal: RelocationGoal,
        params: LeastRelocationParams,
    ) -> None:
        self._record, self._goal, self._params = record, goal, params
        self._mixes = MixesAsOptions.of(record.problem, known)
        is_whole = good.weights is None
        if is_whole:
            allowed = allowed.copy()
            allowed[good.option] = True
        self._option = np.flatnonzero(self._mixes.allowed(allowed))
        self._problem = take(self._mixes.problem, self._option)
        self._bytes = moves.of_unit(self._mixes.source[self._option])
        self._known = self._smaller(self._mixes.start)
        self._starts = [self._known]
        self._best: _Found | None = None
        self._offer(self._known)
        if is_whole:
            own = replace(good, option=self._mixes.position_of(good.option))
            self._start_from(self._smaller(own))

    def run(self) -> Placement | None:
        """Series after series, around one start after another; the best in the whole's terms.

        The integer program comes after the first one: what it proves to be best is the answer.
        """
        record, params = self._record, self._params
        fruitless = 0
        for number in range(max(1, round(params.series * record.budget.effort))):
            if self._should_stop() or fruitless == params.fruitless_series:
                break
            before = self._best
            self._balance(number)
            self._put_back()
            if number == 0 and self._solve_program():
                break
            fruitless = fruitless + 1 if self._best is before else 0
        if self._best is None:
            return None
        found = self._best.placement
        return self._mixes.placement(replace(found, option=self._option[found.option]))

    def _start_from(self, good: Placement) -> None:
        """Begin at a good placement too, and at the known one with what is shaped as there."""
        self._offer(good)
        self._put_back()
        shape = self._problem.shape
        is_otherwise = shape[good.option] != shape[self._known.option]
        if is_otherwise.any():
            self._starts.append(_merged(self._known, good, is_otherwise))
        self._starts.append(good)

    def _balance(self, number: int) -> None:
        problem, params, budget = self._problem, self._params, self._record.budget
        start = self._starts[number % len(self._starts)]
        is_last = number % len(self._starts) == len(self._starts) - 1
        copies = int(np.clip(params.copies_devices // problem.device_count, *params.copies))
        incumbent = Incumbent(self._best.value if self._best is not None else np.inf)
        repartition(
            problem,
            self._best.placement if self._best is not None and number and is_last else start,
            np.ones(problem.option_count, dtype=bool),
            replace(params.balancing, copies=copies),
            np.random.default_rng((budget.seed, number)),
            scale_seconds=self._record.scale_seconds,
            incumbent=incumbent,
            should_stop=self._should_stop,
            fares=Fares(self._bytes, self._prices(copies)),
            measure=self._values,
        )
        if incumbent.placement is not None:
            self._offer(incumbent.placement)

    def _solve_program(self) -> bool:
        """Ask the integer program for a better one, where it is small; whether there is none."""
        problem, params, best = self._problem, self._params, self._best
        places = np.array([problem.device_count, problem.node_count, 0])
        columns = int((places[problem.shape] + 1).sum())
        if best is None or columns > params.most_columns or self._should_stop():
            return False
        budget, model = self._record.budget, assignment(problem)
        program = self._goal.asked_of(
            model.program,
            fares_of_columns(model, self._bytes),
            problem.time_unit,
            max(best.moved_bytes, 1.0),
        )
        answer = solve_program(
            program,
            Limits(budget.deadline, budget.nodes(params.node_columns // columns)),
            start=model.point(best.placement),
            watch=Watch(self._should_stop),
            seed=budget.seed,
        )
        if answer.x is not None:
            self._offer(model.placement(answer.x))
        return answer.status is Status.OPTIMAL

    def _prices(self, count: int) -> NDArray[np.float64]:
        """(R,): seconds for a byte."""
        goal = self._goal
        if goal.seconds_per_byte and goal.is_cost:
            return np.geomspace(*self._params.cost_prices, count) * goal.seconds_per_byte
        wanted, most = goal.most_seconds, float(self._bytes.max(initial=0.0))
        if np.isfinite(goal.most_bytes):
            wanted, most = self._record.relaxation.lower_bound, goal.most_bytes
        elif self._best is not None:
            most = self._best.moved_bytes
        lacking = evaluate(self._problem, self._known).objective - wanted
        found: NDArray[np.float64] = np.geomspace(*self._params.prices, count)
        return found * (max(lacking, 0.0) / max(most, 1.0))

    def _values(self, copies: Copies) -> NDArray[np.float64]:
        """(R,): what is to be least, of copies; infinite for those that are not good enough."""
        return self._goal.value(copies.objectives(), copies.paid)

    def _offer(self, placement: Placement) -> bool:
        """Take a placement if it is good enough and better."""
        moved = self._moved(placement).sum(keepdims=True)
        state = evaluate(self._problem, placement)
        value = float(self._goal.value(np.array([state.objective]), moved)[0])
        least = self._best.value * (1 - _ROUNDING) if self._best is not None else np.inf
        if value >= least or not state.fits or not is_legal(self._problem, placement):
            return False
        self._best = _Found(placement, float(moved[0]), value)
        return True

    def _put_back(self) -> None:
        """Let items be where they were as long as that leaves it good enough, most bytes first."""
        if self._best is None:
            return
        saved = self._moved(self._best.placement) - self._moved(self._known)
        for item in np.argsort(-saved, kind="stable")[: int((saved > 0).sum())].tolist():
            if self._should_stop():
                return
            alone = np.arange(self._problem.item_count) == item
            self._offer(_merged(self._best.placement, self._known, alone))

    def _moved(self, placement: Placement) -> NDArray[np.float64]:
        """(I,): bytes that each item moves."""
        return Fares(self._bytes, np.ones(1)).of_items(self._problem, placement)

    def _smaller(self, placement: Placement) -> Placement:
        return replace(placement, option=np.searchsorted(self._option, placement.option))

    def _should_stop(self) -> bool:
        """When time is up, or the user has had enough; what gap is proven does not matter."""
        self._record.reporter.ticking()
        budget = self._record.budget
        return budget.should_stop() or budget.deadline.is_over


def _merged(first: Placement, second: Placement, is_second: NDArray[np.bool_]) -> Placement:
    """The first placement, but for the items (I,) that are as in the second; neither is mixed."""
    targets = [
        (second if other else first).targets_of(item)
        for item, other in enumerate(is_second.tolist())
    ]
    return Placement.of(np.where(is_second, second.option, first.option), targets)
