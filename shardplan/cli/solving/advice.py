"""What causes that there is no plan, and what would help."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shardplan.errors import Infeasible
from shardplan.whatif.conflict import conflict
from shardplan.whatif.remedies.remedies import remedies
from shardplan.whatif.trials import Trials

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.case import Case
    from shardplan.solve.deadline import Deadline

_SECONDS = 10.0
"""How long to look for what causes it, and again for what would help."""
_IN_VAIN = (
    "more than one change: less reserve, a constraint less, fp16 weights, a leaner optimizer, a "
    "smaller batch, lower caps, or up to 64 more nodes did not help by themselves"
)


def with_advice(
    error: Infeasible,
    case: Case,
    deadline: Deadline,
    should_stop: Callable[[], bool],
    case_seconds: float = 0.0,
) -> Infeasible:
    """The same error with both, as far as a few seconds tell.

    ``case_seconds`` is how long it took to make such a case: none is begun with less time left.
    """
    if deadline.is_over or should_stop():
        return error
    seconds = min(_SECONDS, deadline.seconds_left / 2)
    trials = Trials(case, deadline.within(seconds), should_stop, case_seconds)
    found = remedies(trials)
    # Rules that leave a table no way at all are named with it, and no other fact is needed.
    is_told = any(short.reasons for short in error.shortfalls)
    facts = (
        ()
        if is_told
        else (conflict(replace(trials, deadline=deadline.within(seconds), undecided=0)))
    )
    shortfalls = error.shortfalls
    if not found and not trials.is_over:
        # What a shortfall knows by itself is the least; more of it was tried in vain.
        shortfalls = tuple(
            replace(short, remedy=_IN_VAIN) if short.unit == "bytes" else short
            for short in shortfalls
        )
    return Infeasible(shortfalls, facts, [remedy.words for remedy in found])
