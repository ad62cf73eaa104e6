"""From a case for serving to its plan."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from shardplan.errors import Interrupted, NoPlanFound, SolverError
from shardplan.plan.file.optimality import OPTIMAL_GAP, Status, Termination, gap_of
from shardplan.serving.batch_shape import BatchShape
from shardplan.serving.build_plan import build_plan
from shardplan.serving.file.served_plan import ServedOptimality
from shardplan.serving.options.option_set import Pricer, all_choices
from shardplan.serving.predict import dense_seconds, predict
from shardplan.serving.program.choose import choose
from shardplan.serving.refusal import check_limits, enough_replicas, shortfall
from shardplan.solve.program.answer import Limits, Watch
from shardplan.solve.settings import Settings
from shardplan.workload.serving.row_cache import ASSOCIATIVITY

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from shardplan.serving.file.served_plan import ServedPlan
    from shardplan.serving.options.placed_table import PlacedTable
    from shardplan.serving.program.choose import Choice
    from shardplan.serving.served_case import ServedCase

_TOLERANCE = 1e-6
"""Of seconds, by which a prediction may be above what the solver claimed."""


def make_served_plan(case: ServedCase, settings: Settings | None = None) -> ServedPlan:
    """The plan that serves a typical batch fastest, and the fewest replicas of it that keep the
    limits of latency at the peak.

    Where there is no formula of latency under load, it is only made sure that queries which wait
    for nothing keep them. Raises Infeasible where it is proven that no plan can be, NoPlanFound
    where this one cannot or the limits ended the search first, and Interrupted.
    """
    settings = settings or Settings()
    began = time.monotonic()
    deadline = settings.deadline()
    batch = BatchShape.typical(case.serving)
    pricer, choices = Pricer.of(case), all_choices(case)
    options, segments = pricer.priced(choices), pricer.segments(choices)
    gap = settings.gap / (1 + settings.gap)  # The solver divides by the objective.
    limits = Limits(deadline, settings.node_limit, gap)
    watch = Watch(should_stop=settings.should_stop)
    choice = choose(case, options, segments, batch, limits, settings.seed, watch)
    if choice.options is None:
        if choice.is_proven:
            raise shortfall(case, options)
        if settings.should_stop():
            raise Interrupted("interrupted before there was any plan")
        raise NoPlanFound("no plan was found within the limits, and no proof that there is none")
    placed = _placed(choices, choice.options, choice.cached_rows)
    predicted = predict(case, placed)
    seconds = float(predicted.service.seconds(batch.queries, batch.candidates))
    fixed = dense_seconds(case, batch.candidates)
    if seconds > (choice.objective_seconds + fixed) * (1 + _TOLERANCE):
        raise SolverError("the prediction is not what the solver claimed")
    bound = min(seconds, choice.bound_seconds + fixed)
    check_limits(case, predicted.service, options, segments, limits)
    least = enough_replicas(case, predicted.service, bound)
    optimality = _optimality(seconds, bound, choice, settings)
    elapsed = time.monotonic() - began
    return build_plan(case, placed, predicted, least, optimality, settings, elapsed)


def _placed(
    choices: Sequence[PlacedTable], taken: NDArray[np.int64], cached_rows: NDArray[np.float64]
) -> list[PlacedTable]:
    """Caches have whole sets of slots: the one that there is room for beside what was chosen takes
    what is over."""
    found = []
    for option, rows in zip(taken.tolist(), cached_rows.tolist(), strict=True):
        choice = choices[option]
        if choice.cached_rows is not None:
            sets = 1 + int(rows) // ASSOCIATIVITY
            choice = replace(choice, cached_rows=sets * ASSOCIATIVITY)
        found.append(choice)
    return found


def _optimality(
    seconds: float, bound: float, choice: Choice, settings: Settings
) -> ServedOptimality:
    gap = gap_of(seconds, bound)
    status, ended = Status.FEASIBLE, Termination.TIME_LIMIT
    if choice.is_proven:
        is_best = gap is not None and gap <= OPTIMAL_GAP
        status = Status.OPTIMAL if is_best else Status.WITHIN_GAP
        ended = Termination.GAP
    elif settings.should_stop():
        ended = Termination.INTERRUPTED
    elif settings.node_limit is not None:
        ended = Termination.NODE_LIMIT
    return ServedOptimality(
        objective_seconds=seconds,
        lower_bound_seconds=bound,
        gap=gap,
        status=status,
        termination=ended,
    )
