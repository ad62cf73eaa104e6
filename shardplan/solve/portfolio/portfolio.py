"""What runs when, and when it ends: a bound, and then the moves of the search in their turns.

Pass after pass: each has its restarts and its proofs, with more effort than the one before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.bound.whole_groups import relax_whole_groups
from shardplan.solve.mixing.representatives import near_best
from shardplan.solve.portfolio.company import Company
from shardplan.solve.portfolio.passes import efforts_of_passes
from shardplan.solve.portfolio.side_searches import SideSearches
from shardplan.solve.reporter import Reporter
from shardplan.solve.search.move import SEARCHING, Turn, When
from shardplan.solve.search.record import Record
from shardplan.solve.search.repartition.effort import stretch
from shardplan.solve.search.search_params import SearchParams

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from shardplan.solve.bound.move_limit import MoveLimit
    from shardplan.solve.outcome import Outcome, ProvenBound
    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.settings import Settings

_OF_RESTARTS = frozenset({When.FRESH, When.AGAIN, When.RESTART})


def solve(
    problem: Problem,
    settings: Settings,
    reporter: Reporter | None = None,
    starts: Iterable[Placement] = (),
    proven: ProvenBound | None = None,
) -> Outcome:
    """Find a good placement and prove how good it is.

    ``starts`` are placements known already; the outcome is never worse than the best of them that
    fits. ``proven`` is a bound known already. An outcome without a placement says whether that is
    proven (``is_infeasible``).
    """
    record = Record.begun(problem, settings, reporter or Reporter())
    if proven is not None:
        record.prove(proven.lower_bound, proven.bound)
    search = settings.search or SearchParams()
    improve(record, settings.method, search, starts, settings.threads)
    return record.outcome()


def improve(
    record: Record,
    method: str,
    search: SearchParams,
    starts: Iterable[Placement] = (),
    threads: int = 1,
) -> None:
    """Solve the problem of a record, which then has what was found.

    ``threads`` searches run side by side, one of them here.
    """
    for start in starts:
        record.offer(start, "start")
    prove_relaxation(record, search)
    schedule = _Schedule(record, method, search)
    schedule.begin_pass(0, record.budget.effort)
    schedule.run(When.START)
    with _company(record, method, search, threads) as company:
        _go_through(record, schedule, search, company)
        company.stopped()


def search_beside(record: Record, search: SearchParams, company: Company) -> None:
    """The restarts alone, of a record whose relaxation is known: others prove the bound.

    The options that are best for the bound are what the search beside which it runs begins with, so
    it begins as the second restart does there.
    """
    schedule = _Schedule(record, "search", search, first_restart=1, points=_OF_RESTARTS)
    _go_through(record, schedule, search, company)


def _go_through(
    record: Record, schedule: _Schedule, search: SearchParams, company: Company
) -> None:
    """Pass after pass."""
    for number, effort in enumerate(efforts_of_passes(record.budget.most_effort)):
        schedule.begin_pass(number, effort)
        for _ in range(search.shared.repartition.restarts(record.problem, effort)):
            schedule.restart()
        if record.should_stop():
            return
        company.searched(number)
        schedule.run(When.END)
        if record.is_exhausted or not schedule.goes_on or record.should_stop():
            return


def _company(record: Record, method: str, search: SearchParams, threads: int) -> Company:
    """What runs beside a solve; nothing where it is over already, or has no restarts."""
    if threads == 1 or method not in SEARCHING or record.should_stop():
        return Company()
    return SideSearches(record, search, threads - 1)


def prove_relaxation(record: Record, search: SearchParams, moves: MoveLimit | None = None) -> None:
    """The bound that all else leans on; ``moves`` is what a placement may move."""
    record.reporter.starting("bound")
    found = relax_whole_groups(
        record.problem,
        record.limits(),
        moves,
        search.shared.relaxation_rounds,
        search.shared.group_branches,
    )
    record.relaxation, record.branches = found.relaxation, found.branches
    record.prove(record.relaxation.lower_bound, "relaxation")


class _Schedule:
    """The moves that a solve is made of, and whose turn it is."""

    def __init__(
        self,
        record: Record,
        method: str,
        search: SearchParams,
        first_restart: int = 0,
        points: Collection[When] = frozenset(When),
    ) -> None:
        problem, shared = record.problem, search.shared
        self._record = record
        self._moves = [
            move
            for move in search.moves
            if method in move.methods and move.when in points and move.supports(problem)
        ]
        drawn = np.ones(problem.option_count, dtype=bool)
        if problem.mixable.any():
            drawn = near_best(problem, record.relaxation, shared.options_drawn)
        self._effort = shared.repartition
        self._turn = Turn(method, first_restart, 0, self._effort.params(problem, 1.0), drawn)
        self._is_around_best = False

    @property
    def goes_on(self) -> bool:
        """Whether another pass has anything to do."""
        return any(move.when.comes_again for move in self._moves)

    def begin_pass(self, number: int, effort: float) -> None:
        """The restarts that follow are those of another pass, the first of them a fresh one."""
        self._record.begin_pass(effort)
        self._is_around_best = False
        self._turn = replace(
            self._turn,
            repartition=self._effort.params(self._record.problem, effort),
            number_of_pass=number,
            restart_of_pass=0,
            fresh_of_pass=0,
            stretch=stretch(effort),
        )

    def run(self, when: When) -> None:
        """Give every move of a point of the solve its turn, unless it is time to stop."""
        for move in self._moves:
            if move.when is when and not self._record.should_stop():
                move.improve(self._record, self._turn)

    def restart(self) -> None:
        """One restart: after a fresh one that gained nothing, around the best placement."""
        record, turn = self._record, self._turn
        if self._is_around_best and record.placement is not None:
            self.run(When.AGAIN)
            self._is_around_best = False
        else:
            before = record.objective
            self._turn = replace(turn, fresh=turn.fresh + 1, fresh_of_pass=turn.fresh_of_pass + 1)
            self.run(When.FRESH)
            self._is_around_best = record.objective >= before
        self.run(When.RESTART)
        if turn.restart_of_pass == 0:
            self.run(When.FIRST_RESTART)
        self._turn = replace(
            self._turn, restart=turn.restart + 1, restart_of_pass=turn.restart_of_pass + 1
        )
