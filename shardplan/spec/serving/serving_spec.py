"""How the model is served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from shardplan.sharding.device_kind import DeviceKind
from shardplan.spec.fields.border import Border
from shardplan.spec.fields.loss import Loss
from shardplan.spec.fields.quantities import Bytes, Count, Number, Seconds, Share, Whole
from shardplan.spec.serving.load_spec import Candidates, LoadSpec, QuerySpec
from shardplan.spec.serving.slo_spec import Slo, limits_of
from shardplan.workload.dtype import Dtype
from shardplan.workload.serving.batching import Batching
from shardplan.workload.serving.replica_limits import ReplicaLimits
from shardplan.workload.serving.stored_format import StoredFormat

if TYPE_CHECKING:
    from shardplan.workload.serving.slo import LatencyLimit

_MOST_REPLICAS = 100_000

Formats = Annotated[tuple[StoredFormat, ...], Field(min_length=1)]
"""In which rows may be stored."""


class QualitySpec(Border):
    """What of quality may be lost."""

    loss_at_most: Loss
    """Summed over all tables, in the unit of ``quality_loss``, whatever that is."""


class BatchingSpec(Border):
    """How queries are put together, and cut, before a worker takes them."""

    max_samples: Candidates | None = None
    """Candidates of a batch; where left out, queries are served one by one."""
    max_delay: Seconds = 0.0
    """That a free worker waits for a batch to fill."""
    split: Candidates | None = None
    """The most candidates of one part of a query, of which larger queries have several; where left
    out, queries stay whole."""

    @property
    def batching(self) -> Batching:
        """What it says."""
        splits = () if self.split is None else (self.split,)
        return Batching(self.max_samples, self.max_delay, splits)


class ReplicasSpec(Border):
    """Copies of the model, each of which serves queries of its own."""

    max: Annotated[Count, Field(le=_MOST_REPLICAS)] = 1000
    """How many at most, spare ones included."""
    spare: Annotated[Whole, Field(ge=0, le=_MOST_REPLICAS)] = 0
    """How many may fail while the others keep to ``slo``."""
    workers: Annotated[Count, Field(le=1000)] = 1
    """Batches that a replica serves at a time, each as if it were alone."""
    busy_at_most: Share = 0.8
    """Of the time that workers may be busy at the peak: beyond it the latency of the slowest
    queries grows without end."""
    devices: Annotated[Count, Field(le=1000)] | None = None
    """Of a node, that one replica is made of; where left out, all of one."""

    @property
    def limits(self) -> ReplicaLimits:
        """What it says."""
        return ReplicaLimits(self.max, self.spare, self.workers, self.busy_at_most)


class DenseKindSpec(Border):
    """The layers outside the tables, on one kind of device."""

    base: Seconds = 0.0
    """Of each batch."""
    per_sample: Seconds = 0.0
    """Of each candidate in it."""
    memory: Bytes = 0
    """Of one device, for the layers and all that runs them."""


class ServingSpec(Border):
    """How the model is served: one stage, on replicas that are alike."""

    load: LoadSpec
    query: QuerySpec
    slo: Slo = Field(default_factory=dict)
    """Limits of latency by percentiles: ``{p99: 60ms}``; all must be kept."""
    quality: QualitySpec | None = None
    """Where left out, all formats that are offered are good enough."""
    batching: BatchingSpec = BatchingSpec()
    replicas: ReplicasSpec = ReplicasSpec()
    output_dtype: Dtype = Dtype.FP32
    """Of what lookups write."""
    dtypes: Formats | None = None
    """In which rows may be stored; where left out, each table as ``dtype`` says."""
    dense: dict[DeviceKind, DenseKindSpec] = Field(default_factory=dict)
    """The layers outside the tables, by kinds of devices; no time where left out."""
    service_cv: Annotated[Number, Field(ge=0, le=10)] = 0.2
    """Coefficient of variation of the service of batches alike, without load."""

    @property
    def limits(self) -> tuple[LatencyLimit, ...]:
        """Those of ``slo``."""
        return limits_of(self.slo)
