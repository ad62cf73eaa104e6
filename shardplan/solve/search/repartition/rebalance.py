"""A placement of a record balanced by repartition, options that it mixes included."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.mixing.mixes_as_options import MixesAsOptions
from shardplan.solve.search.incumbent import Incumbent
from shardplan.solve.search.repartition.repartition import RepartitionParams, repartition
from shardplan.solve.search.repartition.rounds import ArrayRounds, quickest_rounds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.search.record import Record

_WORTH_MIXING = 3e-3
"""By how much a placement must be better than the last that was mixed on the way, relatively."""


def rebalance(
    record: Record,
    start: Placement,
    allowed: NDArray[np.bool_],
    params: RepartitionParams,
    number: int,
) -> Placement | None:
    """Balance a start, offer what is found to the record, and return it; None if nothing fits.

    The record hears of better ones on the way; where options can be mixed, which takes time, of
    those that are better by enough. The mixes of the start are options beside the ``allowed`` (O,)
    ones. ``number`` makes the random numbers different from those of other calls.
    """
    record.reporter.starting("repartition")
    incumbent = Incumbent()
    around = MixesAsOptions.of(record.problem, start)
    mixes, mixed = bool(record.problem.mixable.any()), np.inf

    def offer_early() -> None:
        nonlocal mixed
        if incumbent.placement is None:
            return
        enough = mixed * (1 - _WORTH_MIXING) if mixes else record.objective
        if incumbent.objective < enough:
            mixed = incumbent.objective
            record.offer(around.placement(incumbent.placement), "repartition")

    left = record.budget.deadline.seconds_left
    # Which waits for nothing to be read or compiled.
    is_first = record.is_first("repartition") and record.placement is None
    repartition(
        around.problem,
        around.start,
        around.allowed(allowed),
        params,
        np.random.default_rng((record.budget.seed, params.rounds, number)),
        scale_seconds=record.scale_seconds,
        incumbent=incumbent,
        should_stop=record.should_stop,
        on_better=offer_early,
        rounds=ArrayRounds if is_first else quickest_rounds(params.rounds, left),
    )
    if incumbent.placement is None:
        return None
    found = around.placement(incumbent.placement)
    record.offer_last(found, "repartition")
    return found
