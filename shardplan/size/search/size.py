"""From a space to the front: the search in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.errors import InputError
from shardplan.size.crew.crew import Crew
from shardplan.size.crew.job import Job, NoPlan
from shardplan.size.crew.start import Start
from shardplan.size.search.answered import answered
from shardplan.size.search.first_bounds import prove_bounds
from shardplan.size.search.neighbours import start_of
from shardplan.size.search.shortfalls import tell_shortfalls
from shardplan.size.search.size_reporter import SizeReporter
from shardplan.size.search.standings import Effort, Standings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.plan.file.plan import Plan
    from shardplan.size.answer.design import Design
    from shardplan.size.answer.front import Front
    from shardplan.size.search.size_settings import SizeSettings
    from shardplan.size.space.space import Space
    from shardplan.solve.deadline import Deadline

_ROUND = 4
"""Candidates that are solved before it is looked again which ones are left: as many for one thread
as for several, so that these find the same."""


@dataclass(frozen=True, eq=False, slots=True)
class Sized:
    """A front, and the plans of its points."""

    front: Front
    plans: Mapping[Design, Plan]


def size(
    space: Space,
    settings: SizeSettings,
    reporter: SizeReporter | None = None,
    crew: Crew | None = None,
) -> Sized:
    """Find the candidates of a space that no other beats, and prove it of the others.

    Bounds in closed form come first; then, the most promising first, a greedy plan and the bound of
    the solver's relaxation of each candidate that no plan is proven to beat; then solves in full of
    those that are left. A candidate that a plan of another one beats whatever its own plan is never
    planned. Interrupted, or out of time, it answers what is known by then, and says what is open.
    """
    reporter, deadline = reporter or SizeReporter(), settings.deadline()
    standings = Standings.of(space)
    reporter.stage("bounds", len(space.candidates))
    prove_bounds(standings, deadline)
    with crew or Crew() as workers:
        for effort in (Effort.ROUGH, Effort.FULL):
            _solve(standings, settings, reporter, workers, effort, deadline)
    tell_shortfalls(standings, settings, deadline)
    return _sized(standings, settings)


def _solve(
    standings: Standings,
    settings: SizeSettings,
    reporter: SizeReporter,
    crew: Crew,
    effort: Effort,
    deadline: Deadline,
) -> None:
    """Round after round, until nothing is left that is undecided."""
    while not deadline.is_over:
        is_left = ~standings.is_decided(settings.decided_gap) & (standings.effort < effort)
        left = np.flatnonzero(is_left)
        reporter.left(effort.name.lower(), len(left), standings.front.tolist())
        if not len(left):
            return
        jobs: dict[int, Job] = {}
        for number in standings.order(left)[:_ROUND]:
            try:
                case = standings.space.case(standings.space.candidates[number])
            except InputError as error:
                facts = tuple(each.message for each in error.diagnostics)
                standings.refuse(number, NoPlan(facts=facts))
                continue
            limits = settings.of_solve(deadline, in_full=effort is Effort.FULL)
            start = start_of(standings, number, case) if effort is Effort.FULL else Start()
            jobs[number] = Job(case, limits, start)
        numbers = list(jobs)
        found = dict(crew.results(list(jobs.values()), lambda: deadline.is_over))
        for position, number in enumerate(numbers):
            if position in found:
                standings.take(number, found[position], effort)


def _sized(standings: Standings, settings: SizeSettings) -> Sized:
    front = answered(standings, settings, is_interrupted=settings.should_stop())
    plans = {
        standings.space.design(standings.space.candidates[number]): standings.solved[number].plan
        for number in standings.front.tolist()
    }
    return Sized(front, plans)
