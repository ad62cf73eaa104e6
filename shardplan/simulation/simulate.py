"""A plan under load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.errors import ShardplanError
from shardplan.simulation.arrivals import Arrivals
from shardplan.simulation.events import run
from shardplan.simulation.percentile import percentile, steady_latency
from shardplan.simulation.system import System

if TYPE_CHECKING:
    from shardplan.serving.file.served_plan import ServedPlan
    from shardplan.simulation.percentile import Percentile
    from shardplan.workload.serving.serving import Serving


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is to be simulated."""

    queries: int = 200_000
    """That are drawn, where there is no trace."""
    load: float = 1.0
    """Times the load at the peak, or times the pace of the trace."""
    down: int = 0
    """Replicas."""
    trace: Arrivals | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Simulated:
    """What came of it, without the queries that came first, to empty queues."""

    queries: int
    queries_per_second: float
    """That came, over all replicas that were up."""
    replicas_up: int
    percentiles: tuple[Percentile, ...]
    mean_seconds: float
    utilisation: float
    """Share of the time between the first and the last arrival that workers were busy."""
    queries_of_a_batch: float
    """Or parts of queries, in the mean."""


def simulate(
    plan: ServedPlan, serving: Serving, scenario: Scenario, shares: tuple[float, ...]
) -> Simulated:
    """``serving`` is what the plan carries. Raises ShardplanError where no replica is left.

    Replicas of a Poisson process that is spread at random see Poisson processes that are
    independent of each other: one stands for all.
    """
    up = plan.replicas.count - scenario.down
    if up < 1:
        message = f"the plan has {plan.replicas.count:,}, and {scenario.down:,} down leave none"
        raise ShardplanError(f"no replica is left: {message}")
    trace, load = scenario.trace, serving.load
    seen = 1 if trace is None and load.arrivals_cv2 == 1 else up
    rate = load.peak_queries_per_second * scenario.load * seen / up
    arrivals = (
        trace.scaled(scenario.load)
        if trace
        else Arrivals.drawn(rate, load.arrivals_cv2, serving.sizes, scenario.queries, scenario.seed)
    )
    system = system_of(plan, serving, seen)
    done = run(system, arrivals, scenario.seed)
    latency = steady_latency(done)
    lasts = float(arrivals.seconds[-1] - arrivals.seconds[0])
    return Simulated(
        queries=len(arrivals.seconds),
        queries_per_second=arrivals.per_second * up / seen,
        replicas_up=up,
        percentiles=tuple(percentile(latency, share) for share in shares),
        mean_seconds=float(latency.mean()),
        utilisation=done.busy_seconds / (lasts * system.workers * seen) if lasts else 0.0,
        queries_of_a_batch=done.batched_queries / done.batches,
    )


def system_of(plan: ServedPlan, serving: Serving, replicas: int) -> System:
    """So many replicas of a plan."""
    batching = serving.batching
    return System(
        replicas=replicas,
        workers=plan.replicas.workers,
        parts=tuple(
            tuple(
                (lane.base_seconds, lane.seconds_per_query, lane.seconds_per_candidate)
                for lane in part.lanes
            )
            for part in plan.prediction.parts
        ),
        cv=plan.prediction.service_cv,
        split=batching.splits[0] if batching.splits else None,
        max_samples=batching.max_samples,
        max_delay_seconds=batching.max_delay_seconds,
    )
