"""Why there is no plan for serving."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.errors import Infeasible, NoPlanFound, Shortfall
from shardplan.serving.batch_shape import BatchShape
from shardplan.serving.choose import choose, free_bytes
from shardplan.serving.predict import dense_seconds
from shardplan.serving.work import Work, largest_part, unqueued_seconds
from shardplan.units import format_seconds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.serving.option_set import OptionSet, Segments
    from shardplan.serving.served_case import ServedCase
    from shardplan.solve.program.answer import Limits
    from shardplan.workload.serving.batch_seconds import BatchSeconds


def shortfall(case: ServedCase, options: OptionSet) -> Infeasible:
    """What is short where no choice of options is left."""
    short, facts = [], []
    offers = free_bytes(case).clip(min=0.0).sum() + case.replica.capacity_bytes[1]
    stored = options.hbm_bytes.sum(axis=1) + options.ddr_bytes
    needs = float(_least(options, stored).sum())
    if needs > offers:
        remedy = "offer narrower formats in serving.dtypes, or more devices to a replica"
        short.append(
            Shortfall("all tables", "memory of a replica", needs, float(offers), "bytes", remedy)
        )
    else:
        facts.append("each device has so much memory after the reserve, and no more")
    budget = case.serving.loss_at_most
    if budget is not None:
        lost = float(_least(options, options.loss).sum())
        facts.append(f"quality may lose {budget:g}; the tables lose {lost:g} at least")
    return Infeasible(short, facts)


def _least(options: OptionSet, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T,): of each table, over its options."""
    first = np.flatnonzero(np.diff(options.table, prepend=-1))
    least: NDArray[np.float64] = np.minimum.reduceat(values, first)
    return least


def check_limits(
    case: ServedCase,
    service: BatchSeconds,
    options: OptionSet,
    segments: Segments,
    limits: Limits,
) -> None:
    """Raise Infeasible where a limit of latency is less than what queries take in any plan that
    wait for nothing, and NoPlanFound where it is so in this one."""
    for limit in case.serving.limits:
        seconds = unqueued_seconds(case.serving, service, limit.share)
        if seconds <= limit.seconds:
            continue
        candidates = largest_part(case.serving, limit.share)
        alone = BatchShape(1.0, candidates)
        fastest = choose(case, options, segments, alone, limits)
        least = fastest.bound_seconds + dense_seconds(case, candidates)
        asked = f"{limit.name} of {format_seconds(limit.seconds)}"
        if least > limit.seconds:
            takes = f"a query of {candidates:,.0f} candidates takes {format_seconds(least)} alone"
            raise Infeasible([], [f"slo asks for a {asked}", f"{takes}, in the fastest plan"])
        message = f"of this plan a query of {candidates:,.0f} candidates takes more alone"
        raise NoPlanFound(f"{asked} cannot be kept: {message} ({format_seconds(seconds)})")


def check_replicas(case: ServedCase, service: BatchSeconds, bound_seconds: float) -> None:
    """Raise Infeasible where the load takes more replicas than there may be, in any plan, and
    NoPlanFound where it does in this one."""
    serving = case.serving
    work, limits = Work.of(serving, service, bound_seconds), serving.replicas
    least = work.least_replicas(serving) + limits.spare
    if least > limits.most:
        remedy = "raise serving.replicas.max, or lower the load"
        raise Infeasible(
            [Shortfall("the load at its peak", "replicas", least, limits.most, "count", remedy)]
        )
    if (needed := work.replicas(serving) + limits.spare) > limits.most:
        message = f"this plan needs {needed:,} replicas, and there may be {limits.most:,}"
        raise NoPlanFound(f"{message}; a smaller --gap may find one that does with fewer")
