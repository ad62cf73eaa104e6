"""The best placement near a known one: few items change at a time, so that little moves.

Every round frees some items, pins all others where they are, and solves the smaller problem. An
item that is placed again moves at most its own size, so that items are freed only as far as their
sizes fit into what is left of the limit; then what really moves is counted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.bound.move_limit import MoveLimit
from shardplan.solve.outcome import Ending
from shardplan.solve.portfolio.least_relocation import search_near
from shardplan.solve.portfolio.limited_program import solve_limited_program
from shardplan.solve.portfolio.portfolio import improve, prove_relaxation
from shardplan.solve.portfolio.relocation_goal import RelocationGoal
from shardplan.solve.problem.placement import device_counts, evaluate
from shardplan.solve.problem.stages import merge_stages
from shardplan.solve.problem.subproblem import Subproblem
from shardplan.solve.reporter import Reporter
from shardplan.solve.search.record import Record
from shardplan.solve.search.search_params import SearchParams
from shardplan.solve.search.starts.starting_options import choose_for_bound

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.outcome import Outcome, ProvenBound
    from shardplan.solve.portfolio.relocation_limit import RelocationLimit
    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.settings import Settings


def solve_near(
    problem: Problem,
    known: Placement,
    is_placed: NDArray[np.bool_],
    moves: RelocationLimit,
    settings: Settings,
    reporter: Reporter | None = None,
    *,
    also_free: bool = False,
    is_bound_wanted: bool = True,
    proven: ProvenBound | None = None,
    enough_seconds: float = 0.0,
) -> Outcome:
    """Improve the placement ``known``, of which only the items ``is_placed`` (I,) mean anything.

    The outcome's bound holds for placements that move at most the limit. With ``also_free`` the
    problem is solved without the limit as well, whose bound holds too and may be higher. Where the
    bound is not wanted, no time goes into it alone beyond the relaxation. ``proven`` is one known
    already, of all placements. It ends once the objective is at most ``enough_seconds``.

    An outcome without a placement says that none was found, and that there is none only where the
    bound is infinite.
    """
    record = Record.begun(problem, settings, reporter or Reporter())
    record.enough_seconds = enough_seconds
    limit = MoveLimit(moves.limit_bytes, moves.least)
    params = settings.search or SearchParams()
    rounds = _Rounds(record, known, is_placed, moves, params)
    if proven is not None:
        record.prove(proven.lower_bound, proven.bound)
    prove_relaxation(record, params, limit)
    if record.lower_bound < float("inf"):
        rounds.repair()
        if enough_seconds:
            rounds.solve_program(params.relocation.most_columns)
            rounds.weigh()
        else:
            rounds.solve_program(params.relocation.few_columns)
            if is_bound_wanted:
                rounds.raise_bound(limit)
            rounds.weigh()
        rounds.improve()
        if not enough_seconds:
            rounds.solve_program(params.relocation.most_columns)
        if also_free:
            rounds.raise_free_bound()
    return record.outcome()


class _Rounds:
    """Rounds of freeing and pinning around the placement as it stands."""

    def __init__(
        self,
        record: Record,
        known: Placement,
        is_placed: NDArray[np.bool_],
        moves: RelocationLimit,
        search: SearchParams,
    ) -> None:
        self._record, self._problem, self._moves = record, record.problem, moves
        self._search, self._params = search, search.relocation
        self._placement, self._is_placed = known, is_placed
        starts = self._problem.option_offsets[:-1]
        size = np.minimum.reduceat(moves.most, starts)
        copied = np.maximum.reduceat(moves.most, starts)
        is_small = copied <= self._params.small_change * moves.limit_bytes
        self._size = np.where(is_small, copied, size)
        """(I,): the most that an item moves when it is placed again."""
        self._allowed = moves.most <= self._size[self._problem.item_of_option]
        self._tried: set[bytes] = set()
        """Which items were free in rounds that have no more to give as the placement stands."""

    def repair(self) -> None:
        """Place what is not placed, and free more where that does not fit."""
        budget = self._record.budget
        if self._is_placed.all() and self._offer(self._placement, "start"):
            return
        moved = self._moved()
        if moved.sum() > self._moves.limit_bytes:
            self._is_placed &= moved == 0
        for share in self._params.repair_shares:
            if budget.should_stop() or budget.deadline.is_over:
                return
            rng, params = np.random.default_rng((budget.seed, 0)), self._params
            is_free = self._pick(share, rng, params.least_worth)
            if self._round(is_free | ~self._is_placed, params.round_effort):
                self._is_placed = np.ones_like(self._is_placed)
                return

    def raise_bound(self, limit: MoveLimit) -> None:
        """By whole options, as a search begins."""
        record, choice = self._record, self._params.choice
        allowed = record.worth_trying()
        if not record.should_stop() and allowed.sum() <= choice.most_options:
            record.reporter.starting("option choice")
            choose_for_bound(record, allowed, choice, moves=limit)

    def weigh(self) -> None:
        """Balance all items at once, each byte at a price, so that parts of many may move.

        Rounds free items whose whole sizes fit into what may move; this takes those that gain most
        for what they really move. It also begins at a good placement of all, which a quick solve
        without the limit finds.
        """
        record, params = self._record, self._params.within_limit
        cells = record.worth_drawing().sum() * self._problem.device_count
        if record.placement is None or record.should_stop() or cells > self._params.most_cells:
            return
        goal = RelocationGoal(record.objective, is_cost=True, most_bytes=self._moves.limit_bytes)
        known = record.placement
        good = self._solve_free("search", params.free_effort) or known
        found = search_near(record, known, good, self._moves, goal, params)
        if found is not None:
            self._offer(found, "near")

    def improve(self) -> None:
        """Free one set of items after another until that has gained nothing for some time.

        Series after series, with more effort and more left to chance.
        """
        record, params = self._record, self._params
        number = 0
        for series in range(max(1, round(params.series * record.budget.effort))):
            fruitless = 0
            if series:
                self._tried.clear()
            while record.placement is not None and fruitless < params.fruitless_rounds:
                if record.should_stop():
                    return
                number += 1
                rng = np.random.default_rng((record.budget.seed, number))
                is_free = self._pick(1.0, rng, params.least_worth * params.straying**series)
                if not is_free.any():
                    return
                before = record.objective
                if is_free.tobytes() not in self._tried:
                    self._round(is_free, params.round_effort * params.growth**series)
                gained = record.objective < before * (1 - params.least_gain)
                if is_free.all() and not gained:
                    return
                fruitless = 0 if gained else fruitless + 1

    def solve_program(self, most_columns: int) -> None:
        """Ask the integer program for the best of all that move so little, where it is small."""
        if self._record.should_stop():
            return
        found = solve_limited_program(self._record, self._moves, self._params, most_columns)
        if found is not None:
            self._offer(found, "integer program")

    def raise_free_bound(self) -> None:
        """By what holds for all placements, whatever they move."""
        if self._record.placement is not None and not self._record.should_stop():
            self._solve_free("auto")

    def _solve_free(self, method: str, share_of_effort: float = 1.0) -> Placement | None:
        """A good placement, whatever it moves; its bound holds, and it is taken where it may be.

        To search alone proves little: what is but a start needs no proof.
        """
        record = self._record
        assert record.placement is not None
        budget = record.budget.of_effort(record.budget.effort * share_of_effort)
        free = Record(self._problem, budget, _Ticks(record.reporter))
        improve(free, method, self._search, [record.placement])
        record.cut_off(free.outcome().ending)
        record.prove(free.lower_bound, free.bound)
        if free.placement is not None:
            self._offer(free.placement, free.method)
        return free.placement

    def _round(self, is_free: NDArray[np.bool_], share_of_effort: float) -> bool:
        """Solve for the free items; whether that gave a placement that is taken."""
        record = self._record
        if not is_free.any():
            return False
        pinned = Subproblem.of(self._problem, self._placement, is_free, self._allowed_now())
        start = pinned.start() if record.placement is not None else None
        effort = 1.0 if is_free.all() else share_of_effort
        budget = record.budget.of_effort(record.budget.effort * effort)
        budget = replace(budget, gap=budget.gap * self._params.round_gap)
        record.reporter.starting("near")
        part = Record(merge_stages(pinned.problem), budget, _Ticks(record.reporter))
        improve(part, "auto", self._search, [start] if start else [])
        found = part.outcome()
        record.cut_off(found.ending)
        taken = found.placement is not None and self._offer(pinned.merged(found.placement), "near")
        if not taken or found.ending is Ending.GAP:
            self._tried.add(is_free.tobytes())
        return taken

    def _allowed_now(self) -> NDArray[np.bool_]:
        """Options that move no more than is reckoned with, and what the placement has."""
        allowed = self._allowed.copy()
        allowed[self._placement.option] = True
        return allowed

    def _offer(self, placement: Placement, method: str) -> bool:
        """Take a placement that moves at most the limit, if it is better."""
        if self._moves.count(placement).sum() > self._moves.limit_bytes:
            return False
        taken = self._record.offer(placement, method)
        if taken:
            self._placement = placement
            self._tried.clear()
        return taken

    def _pick(
        self, share: float, rng: np.random.Generator, least_worth: float
    ) -> NDArray[np.bool_]:
        """(I,): items to free: those that lie on slow devices for few bytes first.

        Only as many as all of them may move wholly within ``share`` of what is left. Chance
        lowers what each is worth, at most to ``least_worth`` of that.
        """
        moved = self._moved()
        # Freed, an item costs its size in place of what it has moved already.
        price = np.maximum(self._size - moved, 0.0)
        left = self._moves.limit_bytes - moved.sum() - price[~self._is_placed].sum()
        worth = self._worth() * rng.uniform(least_worth, 1.0, len(price))
        order = np.argsort(-worth / (price + 1.0), kind="stable")
        order = order[self._is_placed[order]]
        is_free = np.zeros(len(price), dtype=bool)
        is_free[order[np.cumsum(price[order]) <= share * left]] = True
        return is_free

    def _moved(self) -> NDArray[np.float64]:
        """(I,): what each item moves as it is placed; nothing where it is not."""
        return np.where(self._is_placed, self._moves.count(self._placement), 0.0)

    def _worth(self) -> NDArray[np.float64]:
        """(I,): seconds of each item, those on the slowest devices of a stage counting most."""
        problem, option = self._problem, self._placement.option
        load = evaluate(problem, self._placement).load_seconds
        most = load.max(axis=0)
        relative = np.divide(load, most, out=np.zeros_like(load), where=most > 0)
        heat = relative**self._params.sharpness
        units = device_counts(problem, self._placement).astype(np.float64)
        worth: NDArray[np.float64] = ((units @ heat) * problem.load_seconds[option]).sum(axis=1)
        return worth


class _Ticks(Reporter):
    """Passes on that time goes by; the objectives of smaller problems are their own affair."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def ticking(self) -> None:
        """Pass it on."""
        self._reporter.ticking()
