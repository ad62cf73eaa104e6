"""How a model is served, as far as it decides cost, memory and latency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.workload.dtype import Dtype
    from shardplan.workload.serving.batching import Batching
    from shardplan.workload.serving.dense_seconds import DenseSeconds
    from shardplan.workload.serving.load import Load
    from shardplan.workload.serving.query_sizes import QuerySizes
    from shardplan.workload.serving.replica_limits import ReplicaLimits
    from shardplan.workload.serving.served_table import ServedTable
    from shardplan.workload.serving.slo import LatencyLimit


@dataclass(frozen=True, slots=True)
class Serving:
    """One model, one stage: what comes, what must be kept to, and what may be chosen."""

    name: str
    tables: tuple[ServedTable, ...]
    load: Load
    sizes: QuerySizes
    limits: tuple[LatencyLimit, ...]
    """All must be kept."""
    loss_at_most: float | None
    """Of quality, summed over tables, in the user's unit; None: all that is offered may be
    taken."""
    batching: Batching
    replicas: ReplicaLimits
    output_dtype: Dtype
    """Of what lookups write."""
    dense: Mapping[str, DenseSeconds]
    """By the kind of devices that a replica is made of, ``gpu`` or ``cpu``."""
    cv: float
    """Coefficient of variation of the service of batches alike, without load."""
