"""How much is short where there is no plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.size.crew.job import Job, NoPlan, run
from shardplan.size.crew.start import Start
from shardplan.size.search.first_bounds import series_of

if TYPE_CHECKING:
    from shardplan.size.search.size_settings import SizeSettings
    from shardplan.size.search.standings import Standings
    from shardplan.solve.deadline import Deadline

_MOST = 16
"""Candidates of which it is asked."""


def tell_shortfalls(standings: Standings, settings: SizeSettings, deadline: Deadline) -> None:
    """Of candidates that a bound refused without a word: those of the most nodes first."""
    ranked = [
        (-position, number)
        for series in series_of(standings.space)
        for position, number in enumerate(series)
        if standings.refusals.get(number) == NoPlan()
    ]
    for _, number in sorted(ranked)[:_MOST]:
        if deadline.is_over:
            return
        limits = settings.of_solve(deadline, in_full=False)
        case = standings.space.case(standings.space.candidates[number])
        found = run(Job(case, limits, Start()), lambda: deadline.is_over)
        if isinstance(found, NoPlan):
            standings.refuse(number, found)
