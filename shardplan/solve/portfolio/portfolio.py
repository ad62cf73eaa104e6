"""What runs when, and when it ends: a bound, and then the moves of the search in their turns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.bound.whole_groups import relax_whole_groups
from shardplan.solve.mixing.representatives import near_best
from shardplan.solve.reporter import Reporter
from shardplan.solve.search.move import Turn, When
from shardplan.solve.search.record import Record
from shardplan.solve.search.search_params import SearchParams

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shardplan.solve.bound.move_limit import MoveLimit
    from shardplan.solve.outcome import Outcome, ProvenBound
    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.settings import Settings


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
    improve(record, settings.method, settings.search or SearchParams(), starts)
    return record.outcome()


def improve(
    record: Record, method: str, search: SearchParams, starts: Iterable[Placement] = ()
) -> None:
    """Solve the problem of a record, which then has what was found."""
    for start in starts:
        record.offer(start, "start")
    prove_relaxation(record, search)
    schedule = _Schedule(record, method, search)
    schedule.run(When.START)
    for _ in range(search.shared.repartition.restarts(record.problem, record.budget.effort)):
        schedule.restart()
    schedule.run(When.END)


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

    def __init__(self, record: Record, method: str, search: SearchParams) -> None:
        problem, shared = record.problem, search.shared
        self._record = record
        self._moves = [m for m in search.moves if method in m.methods and m.supports(problem)]
        drawn = np.ones(problem.option_count, dtype=bool)
        if problem.mixable.any():
            drawn = near_best(problem, record.relaxation, shared.options_drawn)
        params = shared.repartition.params(problem, record.budget.effort)
        self._turn = Turn(method, 0, 0, params, drawn)
        self._goes_on = False

    def run(self, when: When) -> None:
        """Give every move of a point of the solve its turn, unless it is time to stop."""
        for move in self._moves:
            if move.when is when and not self._record.should_stop():
                move.improve(self._record, self._turn)

    def restart(self) -> None:
        """One restart: after a fresh one that gained nothing, around the best placement."""
        record = self._record
        if self._goes_on and record.placement is not None:
            self.run(When.AGAIN)
            self._goes_on = False
        else:
            before = record.objective
            self._turn = replace(self._turn, fresh=self._turn.fresh + 1)
            self.run(When.FRESH)
            self._goes_on = record.objective >= before
        self.run(When.RESTART)
        if self._turn.restart == 0:
            self.run(When.FIRST_RESTART)
        self._turn = replace(self._turn, restart=self._turn.restart + 1)
