"""The plan file's ``prediction`` and ``replicas`` of a model that is served."""

import numpy as np

from shardplan.plan.file.plan_model import Count, PlanModel, Positive, Seconds
from shardplan.serving.file.latency_forecast import LatencyForecast
from shardplan.workload.serving.batch_seconds import BatchSeconds, Lanes


class BatchFacts(PlanModel):
    """A batch: queries and candidates in the mean."""

    queries: Seconds
    candidates: Seconds


class LaneForecast(PlanModel):
    """What one of several takes that go on side by side."""

    base_seconds: Seconds
    """Of a batch."""
    seconds_per_query: Seconds
    seconds_per_candidate: Seconds


class PartForecast(PlanModel):
    """A part of the service of a batch, as long as its slowest lane."""

    name: str
    """``lookup``, with a lane for each device; ``gather``; ``dense``."""
    seconds: Seconds
    """Of the typical batch."""
    lanes: tuple[LaneForecast, ...]


class DeviceForecast(PlanModel):
    """Memory of one device of a replica."""

    device: Count
    hbm_bytes: Count
    """Rows, outputs and ids of the largest batches of all workers, and the dense layers."""


class UnqueuedForecast(PlanModel):
    """A percentile of the latency of queries, if they waited for nothing."""

    percentile: str
    seconds: Seconds
    limit_seconds: Seconds


class ServedForecast(PlanModel):
    """What the plan costs."""

    batch: BatchFacts
    """The typical batch: that for which the plan was made."""
    batch_seconds: Seconds
    """Of it, on one worker, without waiting."""
    parts: tuple[PartForecast, ...]
    service_cv: Seconds
    query_work_seconds: Seconds
    """That a query keeps a worker busy, in the mean."""
    unqueued: tuple[UnqueuedForecast, ...]
    """Of each limit of the spec: no load makes latency less."""
    latency: LatencyForecast
    """Under load, at the peak."""
    quality_loss: Seconds
    """Summed over all tables, in the user's unit."""
    devices: tuple[DeviceForecast, ...]
    ddr_bytes: Count
    """Of all devices of a replica together."""

    @property
    def service(self) -> BatchSeconds:
        """Seconds of any batch."""
        return BatchSeconds(
            tuple(
                Lanes(
                    part.name,
                    np.array(
                        [
                            (
                                lane.base_seconds,
                                lane.seconds_per_query,
                                lane.seconds_per_candidate,
                            )
                            for lane in part.lanes
                        ]
                    ),
                )
                for part in self.parts
            ),
            self.service_cv,
        )


class ReplicaForecast(PlanModel):
    """The copies of the model, all alike."""

    count: Positive
    """Spare ones included."""
    spare: Count
    workers: Positive
    devices: Positive
    """Of each."""
    utilisation: Seconds
    """Share of the time that workers are busy at the peak, while the spare ones are down."""
    lower_bound: Positive
    """No plan does with fewer, spare ones included."""
    plan_lower_bound: Positive
    """This plan does with no fewer, spare ones included: they are too busy, or surely break a limit
    of latency."""
