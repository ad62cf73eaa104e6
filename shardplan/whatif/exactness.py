"""What it costs that columns stay whole, so that optimizers that couple them train exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.errors import Interrupted, NoPlanFound
from shardplan.planning.formulate import formulate
from shardplan.solve.bound.relaxation import relax
from shardplan.solve.program.answer import Limits

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.solve.deadline import Deadline

_WORTH_TELLING = 0.01
"""Of the bound with exact updates, relaxed alike."""
_MOST_PLACES = 5_000
"""Tables times devices: beyond, the question takes longer than its answer is worth."""


def inexact_bound(case: Case, deadline: Deadline) -> float | None:
    """Seconds of which no plan takes less, even were columns cut.

    By the case's objective, and by the relaxation alone. None where updates are exact in any case,
    where cut columns would hardly lower the bound, or where the time does not suffice to tell.
    """
    if not case.workload.training.keeps_columns_whole:
        return None
    if len(case.workload.tables) * case.topology.world_size > _MOST_PLACES:
        return None
    inexact = case.with_(training=case.spec.training.model_copy(update={"exact_updates": False}))
    bounds: list[float] = []
    for each in (case, inexact):
        try:
            problem = formulate(each, deadline).problem
        except (NoPlanFound, Interrupted):
            return None
        bounds.append(relax(problem, limits=Limits(deadline)).lower_bound)
    if deadline.is_over or not bounds[0] > 0:
        return None
    return bounds[1] if bounds[1] <= (1 - _WORTH_TELLING) * bounds[0] else None
