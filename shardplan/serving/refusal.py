"""Why there is no plan for serving."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from shardplan.errors import Infeasible, NoPlanFound, Shortfall
from shardplan.latency.headroom import at_load, broken
from shardplan.serving.batch_shape import BatchShape
from shardplan.serving.peak_replicas import peak_replicas
from shardplan.serving.predict import dense_seconds
from shardplan.serving.program.choose import choose, free_bytes
from shardplan.serving.work import Unqueued, Work
from shardplan.units import format_seconds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.latency.least_replicas import LeastReplicas
    from shardplan.serving.options.option_set import OptionSet, Segments
    from shardplan.serving.served_case import ServedCase
    from shardplan.solve.program.answer import Limits
    from shardplan.workload.serving.batch_seconds import BatchSeconds
    from shardplan.workload.serving.serving import Serving


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
        alone = Unqueued.of(case.serving, service, limit.share)
        if alone.seconds <= limit.seconds:
            continue
        shape = BatchShape(1.0, alone.candidates)
        fastest = choose(case, options, segments, shape, limits)
        mean = fastest.bound_seconds + dense_seconds(case, alone.candidates)
        asked = f"{limit.name} of {format_seconds(limit.seconds)}"
        takes = f"for {alone.candidates:,.0f} candidates alone, whatever else comes"
        if mean * alone.share > limit.seconds:
            least = format_seconds(mean * alone.share)
            raise Infeasible([], [f"slo asks for a {asked}", f"{limit.name} is {least} {takes}"])
        message = f"of this plan it is {format_seconds(alone.seconds)} {takes}"
        raise NoPlanFound(f"{asked} cannot be kept: {message}")


def enough_replicas(case: ServedCase, service: BatchSeconds, bound_seconds: float) -> LeastReplicas:
    """Those that serve the peak.

    Raises Infeasible where the load takes more than there may be, in any plan, and NoPlanFound
    where it does in this one, or where no number that there may be keeps the limits of latency.
    """
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
    found = peak_replicas(serving, service, work)
    if found is None:
        raise NoPlanFound(_late(serving, service))
    return found


def _late(serving: Serving, service: BatchSeconds) -> str:
    """What breaks with all replicas that there may be, the spare ones down."""
    most = serving.replicas.most - serving.replicas.spare
    latency = at_load(serving, service, most, serving.load.peak_queries_per_second)
    with_all = f"with all of the {most:,} replicas that may serve"
    limit = broken(serving, latency)
    if limit is None:
        return f"queues of this plan grow without end at the peak, {with_all}"
    seconds = latency.seconds(limit.share)
    takes = format_seconds(seconds) if isfinite(seconds) else "far more"
    asked = f"{limit.name} of {format_seconds(limit.seconds)} cannot be kept at the peak"
    return f"{asked}: of this plan it is predicted to be {takes} {with_all}"
