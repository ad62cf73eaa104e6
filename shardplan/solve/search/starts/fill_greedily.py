"""A placement from nothing: the heaviest item first, each where it adds least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.search.annealing.fill import fill
from shardplan.solve.search.annealing.insertion import Candidates, Inserter
from shardplan.solve.search.annealing.population import Population

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.search.record import Record

_LEAST_SECONDS = 1e-12
"""What a bound of nothing counts as, where prices are relative to it."""


@dataclass(frozen=True, slots=True)
class FillParams:
    """How a greedy fill weighs places."""

    log2_exponent: int = 4
    """Of the power mean that stands for the slowest device."""
    overflow_price: float = 8.0
    """What a tier over by its whole capacity counts, in lower bounds."""


def fill_greedily(record: Record, allowed: NDArray[np.bool_], params: FillParams) -> Placement:
    """Place every item as one of the ``allowed`` (O,) options; what does not fit lies over.

    A fill that is overdue, or too late where a placement is known, is left incomplete: the record
    does not take it.
    """
    bound = record.relaxation.lower_bound
    inserter = Inserter(
        record.problem,
        Candidates.of(record.problem, allowed),
        log2_exponent=params.log2_exponent,
        penalty_seconds=params.overflow_price * max(bound, _LEAST_SECONDS),
    )
    population = Population(record.problem, 1)
    is_late = record.is_overdue if record.placement is None else record.should_stop
    fill(inserter, population, np.zeros(1), np.random.default_rng(0), is_late)
    return population.placement(0)
