"""From a case for serving to its plan."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from shardplan.errors import Interrupted, NoPlanFound, SolverError
from shardplan.plan.file.optimality import Status, Termination, gap_of
from shardplan.plan.file.rounding import differs
from shardplan.serving.batch_shape import BatchShape
from shardplan.serving.build_plan import build_plan
from shardplan.serving.choose import at, choose
from shardplan.serving.file.served_plan import ServedOptimality
from shardplan.serving.option_set import Pricer, all_choices
from shardplan.serving.predict import dense_seconds, predict
from shardplan.serving.refusal import check_limits, check_replicas, shortfall
from shardplan.solve.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shardplan.serving.choose import Choice
    from shardplan.serving.file.served_plan import ServedPlan
    from shardplan.serving.option_set import OptionSet
    from shardplan.serving.served_case import ServedCase


def make_served_plan(case: ServedCase, settings: Settings | None = None) -> ServedPlan:
    """The plan that serves a typical batch fastest, and the fewest replicas of it.

    Latency under load is not predicted: of the limits of latency it is only made sure that queries
    which wait for nothing keep them. Raises Infeasible where it is proven that no plan can be,
    NoPlanFound where the limits ended the search first, and Interrupted.
    """
    settings = settings or Settings()
    began = time.monotonic()
    deadline = settings.deadline()
    batch = BatchShape.typical(case.serving)
    options = Pricer.of(case).priced(all_choices(case))
    choice = choose(
        case, options, batch, settings.gap, deadline, settings.seed, settings.should_stop
    )
    if choice.options is None:
        if choice.is_proven:
            raise shortfall(case, options)
        if settings.should_stop():
            raise Interrupted("interrupted before there was any plan")
        raise NoPlanFound("no plan was found within the limits, and no proof that there is none")
    placed = [options.choices[index] for index in choice.options.tolist()]
    predicted = predict(case, placed)
    seconds = float(predicted.service.seconds(batch.queries, batch.candidates))
    fixed = dense_seconds(case, batch.candidates)
    if differs(seconds, _claimed(case, options, choice.options, batch) + fixed):
        raise SolverError("the prediction is not what the solver claimed")
    bound = min(seconds, choice.bound_seconds + fixed)
    check_limits(case, predicted.service, options, deadline, settings.seed)
    check_replicas(case, predicted.service, bound)
    optimality = _optimality(seconds, bound, choice, settings)
    return build_plan(case, placed, predicted, optimality, settings, time.monotonic() - began)


def _claimed(
    case: ServedCase, options: OptionSet, chosen: NDArray[np.int64], batch: BatchShape
) -> float:
    """Lookups and gather of a batch, as the program has them."""
    devices = at(options.lookup, batch)[chosen].sum(axis=0)
    launch = case.profile.lookup_forward.launch_seconds
    start = case.replica.gather_start_seconds if options.is_remote[chosen].any() else 0.0
    return float(launch + devices.max() + start + at(options.gather, batch)[chosen].sum())


def _optimality(
    seconds: float, bound: float, choice: Choice, settings: Settings
) -> ServedOptimality:
    gap = gap_of(seconds, bound)
    status, ended = Status.FEASIBLE, Termination.TIME_LIMIT
    if choice.is_proven:
        status = Status.WITHIN_GAP if gap else Status.OPTIMAL
        ended = Termination.GAP
    elif settings.should_stop():
        ended = Termination.INTERRUPTED
    return ServedOptimality(
        objective_seconds=seconds,
        lower_bound_seconds=bound,
        gap=gap,
        status=status,
        termination=ended,
    )
