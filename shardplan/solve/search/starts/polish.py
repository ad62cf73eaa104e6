"""Mixes and repartition in turn, until neither gains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.solve.mixing.best_mix import Spare, best_mix
from shardplan.solve.problem.placement import evaluate
from shardplan.solve.search.repartition.rebalance import rebalance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.search.record import Record
    from shardplan.solve.search.repartition.repartition import RepartitionParams


@dataclass(frozen=True, slots=True)
class PolishParams:
    """How often to polish."""

    times: int
    """At most; ..."""
    fruitless: int = 2
    """... and no more after this many in a row that gain less than ..."""
    least_gain: float = 1e-4
    """... that, relatively."""


def polish(
    record: Record,
    placement: Placement,
    allowed: NDArray[np.bool_],
    repartition: RepartitionParams,
    restart: int,
    params: PolishParams,
) -> None:
    """Mix a placement so that memory is spared, repartition it, and do so again with what came.

    Items may take the ``allowed`` (O,) options. The record is offered what is found; ``restart``
    makes the random numbers different from those of other restarts.
    """
    problem, limits = record.problem, record.limits()
    reached = evaluate(problem, best_mix(problem, placement, limits=limits)).objective
    fruitless = 0
    for number in range(params.times):
        if record.should_stop() or fruitless == params.fruitless:
            return
        mixed = best_mix(problem, placement, Spare.BYTES, limits=limits)
        found = rebalance(record, mixed, allowed, repartition, restart * params.times + number)
        objective = reached
        if found is not None:
            objective = evaluate(problem, best_mix(problem, found, limits=limits)).objective
        fruitless = fruitless + 1 if objective >= reached * (1 - params.least_gain) else 0
        if found is not None and objective < reached:
            placement, reached = found, objective
