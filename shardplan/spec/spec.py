"""The spec: everything that a user says about what to plan."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from shardplan.spec.catalog.reference import (
    CostModelReference,
    FrameworkReference,
    TopologyReference,
)
from shardplan.spec.demands.constraint_spec import ConstraintSpec
from shardplan.spec.fields.amount import Amount, AmountField
from shardplan.spec.fields.border import Border, Name
from shardplan.spec.fields.quantities import Count, Flag, Seconds, Share, SomeBytes
from shardplan.spec.fields.wire_spec import CommDtypeSpec
from shardplan.spec.modules import ModuleSpec
from shardplan.spec.objective import Objective
from shardplan.spec.serving.serving_spec import ServingSpec
from shardplan.spec.sizing.size_spec import SizeSpec
from shardplan.spec.tables.table_spec import DefaultsSpec, ModulePath, TableSpec
from shardplan.spec.training.dense_spec import DenseSpec, Milliseconds
from shardplan.spec.training.reduction_spec import ReductionSpec
from shardplan.spec.training.replicas_spec import ReplicasSpec
from shardplan.spec.validation.fault import fault
from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.optimizer import OPTIMIZERS, Optimizer
from shardplan.workload.optimizers.weight_decay import WeightDecayMode
from shardplan.workload.pipeline.pipeline import Pipeline
from shardplan.workload.training import CacheAlgorithm

Batch = Annotated[Count, Field(le=10**9)]
"""Samples of one step."""


class BatchSpec(Border):
    """Samples of one step, over all devices or on each: exactly one of the two."""

    global_: Batch | None = Field(default=None, alias="global")
    """Over all devices."""
    local: Batch | None = None
    """On each device."""
    features: dict[str, Share] | None = None
    """By names and globs of features, what share of the samples they have: distinct requests, of
    each of which several samples share what is looked up. All others have one of each sample."""

    @model_validator(mode="after")
    def _check_one(self) -> BatchSpec:
        if (self.global_ is None) == (self.local is None):
            raise fault(
                "must have exactly one of 'global' and 'local'", "for example {local: 4096}"
            )
        return self

    def global_batch(self, world_size: int) -> int:
        """Samples of one step over all devices."""
        if self.global_ is not None:
            return self.global_
        return (self.local or 0) * world_size


class StateDtypeSpec(Border):
    """Number formats of the optimizer's state, by FBGEMM's names; fp32 where left out."""

    momentum1: Dtype | None = None
    """Of ``partial_rowwise_adam`` alone."""
    momentum2: Dtype | None = None
    """Of ``partial_rowwise_adam`` and ``ensemble_rowwise_adagrad`` alone."""

    @property
    def given(self) -> dict[str, Dtype]:
        """By name, those that are not left out."""
        both = {"momentum1": self.momentum1, "momentum2": self.momentum2}
        return {name: dtype for name, dtype in both.items() if dtype is not None}


class InputSpec(Border):
    """What is read for a batch."""

    bytes_per_sample: SomeBytes | None = None
    """Of ids, dense features and labels in the format in which they come into the nodes."""
    load_per_sample: Seconds | None = None
    """What the training process itself spends on loading one; none where others load ahead."""


class TrainingSpec(Border):
    """How the model is trained."""

    optimizer: Optimizer = Optimizer.ROWWISE_ADAGRAD
    """Decides the bytes of the optimizer's state."""
    weight_decay_mode: WeightDecayMode = WeightDecayMode.NONE
    """How weights decay; counter, cowclip and decouple_global keep numbers of each row for it."""
    optimizer_state_dtypes: StateDtypeSpec = StateDtypeSpec()
    use_rowwise_bias_correction: Flag = False
    """Adam corrects its bias by how often each row was updated, which it then counts."""
    comm_dtype: CommDtypeSpec = CommDtypeSpec()
    all_reduce: ReductionSpec | None = None
    """How gradients of data-parallel tables are summed; by default flat and exactly."""
    pipeline: Pipeline = Pipeline.SPARSE_DIST
    """What of a step hides behind the batch before it."""
    dense: DenseSpec = DenseSpec()
    framework: FrameworkReference | None = None
    """What runs the training, whose own costs are counted: a profile's name or path, or one written
    inline; by default none are."""
    overhead_ms: Milliseconds | None = None
    """Milliseconds of every step that the framework spends while nothing else goes on; by default 0
    besides what the profile of the framework says."""
    input: InputSpec | None = None
    """Counts where the topology has an ``ingest``; where left out, 8 bytes for each id, 4 for each
    feature's number of ids, and 4 for a label."""
    exact_updates: Flag = True
    """Forbid what changes the optimizer's arithmetic: column shards, where it keeps numbers of each
    row or scales by norms of rows."""
    cache_algorithm: CacheAlgorithm = CacheAlgorithm.LRU
    """Which row makes room in the caches of ``fused_uvm_caching``."""
    hot_rows: Flag | None = None
    """Whether the hottest rows of a table may lie on every device, and the others sharded: the
    native engine trains such plans, TorchRec does not. Of tables that have ``hot_ids``."""
    replicas: ReplicasSpec | None = None
    """Groups of devices that each hold all tables; by default all devices are one."""

    @model_validator(mode="after")
    def _check_optimizer(self) -> TrainingSpec:
        optimizer = self.optimizer
        if self.weight_decay_mode not in optimizer.decay_modes:
            able = [each for each in OPTIMIZERS if self.weight_decay_mode in each.decay_modes]
            message = f"{optimizer} has no such mode in FBGEMM"
            hint = f"it goes with {', '.join(map(str, able))}"
            raise fault(message, hint, at=("weight_decay_mode",))
        for name in self.optimizer_state_dtypes.given:
            if name not in optimizer.state_dtypes:
                able = [each for each in OPTIMIZERS if name in each.state_dtypes]
                message = f"FBGEMM keeps the {name} of {optimizer} in fp32"
                if name not in {tensor.name for tensor in optimizer.tensors}:
                    message = f"{optimizer} has no {name}"
                hint = f"a job may choose it with {', '.join(map(str, able))}"
                raise fault(message, hint, at=("optimizer_state_dtypes", name))
        if self.use_rowwise_bias_correction and not optimizer.corrects_rows:
            message, hint = f"{optimizer} has none in FBGEMM", "it goes with adam alone"
            raise fault(message, hint, at=("use_rowwise_bias_correction",))
        return self

    @model_validator(mode="after")
    def _check_pipeline(self) -> TrainingSpec:
        if self.replicas is not None and not self.pipeline.course.syncs_groups:
            message = f"{self.pipeline.torchrec} of TorchRec never averages groups of devices"
            hint = "take sparse_dist, or leave training.replicas out"
            raise fault(message, hint, at=("pipeline",))
        return self

    @model_validator(mode="after")
    def _check_cache(self) -> TrainingSpec:
        is_lfu = self.cache_algorithm is CacheAlgorithm.LFU
        if is_lfu and self.pipeline.prefetches:
            hint = "take lru, or the pipeline sparse_dist"
            message = "FBGEMM prefetches into lru caches alone"
            raise fault(message, hint, at=("cache_algorithm",))
        return self


class ReserveSpec(Border):
    """What is kept free, as a percentage of each or as a size."""

    hbm: AmountField = Amount(fraction=0.15)
    """Of each device's HBM; TorchRec keeps 15% free too."""
    ddr: AmountField = Amount(fraction=0.10)
    """Of each node's DDR, where the processes and the data loader live."""
    ssd: AmountField = Amount()
    """Of each node's SSD."""


OF_TRAINING = ("batch", "training", "modules", "constraints", "objective")
"""Keys of a spec that say nothing of a model that is served."""
_NO_BATCH: dict[str, Any] = {"local": 1}
"""What stands for the batch of a step, where there is no step."""


def _batch_or_serving(schema: dict[str, Any]) -> None:
    schema["required"] = [key for key in schema["required"] if key != "batch"]
    schema["anyOf"] = [{"required": ["batch"]}, {"required": ["serving"]}]


class Spec(Border):
    """A model's tables, how they are trained or served, on what, and what is demanded of the
    plan."""

    model_config = ConfigDict(json_schema_extra=_batch_or_serving)

    name: Name = "unnamed"
    """What the plan is called."""
    batch: BatchSpec
    topology: TopologyReference
    """A preset's name, {name, nodes}, {path, nodes}, or a topology written inline."""
    cost_model: CostModelReference | None = None
    """A profile's name or path, or one written inline; by default what the topology names."""
    training: TrainingSpec = TrainingSpec()
    serving: ServingSpec | None = None
    """How the model is served, where it is not trained."""
    defaults: DefaultsSpec = DefaultsSpec()
    modules: dict[ModulePath, ModuleSpec] | None = None
    """What the modules are that tables sit in, by their paths; by default all pool."""
    tables: tuple[TableSpec, ...] = ()
    tables_file: Annotated[str, Field(min_length=1)] | None = None
    """More tables: a .csv or .parquet file beside the spec; its columns are the keys of tables."""
    constraints: tuple[ConstraintSpec, ...] = ()
    reserve: ReserveSpec = ReserveSpec()
    objective: Objective = Objective.STEP_TIME
    """What the plan minimises."""
    size: SizeSpec | None = None
    """What ``shardplan size`` is asked; no plan depends on it."""

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, value: Any) -> Any:
        """A model that is served has no steps, and so no batch of one."""
        if not isinstance(value, dict) or value.get("serving") is None:
            return value
        return value | {"batch": _NO_BATCH}

    @model_serializer(mode="wrap")
    def _write(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        if self.serving is not None:
            for key in OF_TRAINING:
                written.pop(key, None)
        return written

    @property
    def table_keys(self) -> list[tuple[str, str]]:
        """Module and name of each table."""
        return [(table.module_in(self.defaults), table.name) for table in self.tables]

    def resolved(self) -> dict[str, Any]:
        """The spec as plain values, with every default written out; reads back as an equal spec."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
