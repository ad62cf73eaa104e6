"""How the model is trained, as far as it decides cost and memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.optimizer import Optimizer
from shardplan.workload.optimizers.weight_decay import WeightDecayMode
from shardplan.workload.pipeline.pipeline import Pipeline
from shardplan.workload.wire.reduction import Reduction
from shardplan.workload.wire.wires import Wires

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.workload.dense.dense_model import DenseModel
    from shardplan.workload.optimizers.optimizer_state import OptimizerState


class CacheAlgorithm(StrEnum):
    """Which row makes room in a cache in HBM above DDR."""

    LRU = "lru"
    """The one not read for longest."""
    LFU = "lfu"
    """The one read least often so far; a row read less often than all of them stays out."""


@dataclass(frozen=True, slots=True)
class ReplicaSync:
    """Weights, and what the optimizer keeps of them, are averaged over groups (``sync`` of
    TorchRec's ``DMPCollection``): each group trains by itself in between."""

    every: int = 1
    """Steps from one to the next."""
    dtype: Dtype = Dtype.FP32
    """Of an element on the wire."""
    with_state: bool = True
    """Whether the optimizer's state is averaged too."""


@dataclass(frozen=True, slots=True)
class Training:
    """Settings of the training job that hold for all tables."""

    optimizer: Optimizer = Optimizer.ROWWISE_ADAGRAD
    comm_forward: Dtype = Dtype.FP32
    comm_backward: Dtype = Dtype.FP32
    own_wires: Wires | None = None
    """Formats on the wire by collective; None: the two above for all."""
    reduction: Reduction = field(default_factory=Reduction)
    """How gradients of data-parallel tables are summed."""
    pipeline: Pipeline = Pipeline.SPARSE_DIST
    dense_forward_seconds: float = 0.0
    dense_backward_seconds: float = 0.0
    dense_optimizer_seconds: float = 0.0
    """Of the backward pass, the update of the layers' parameters."""
    dense_memory_bytes: int | None = 0
    """None: what the layers need."""
    dense: DenseModel | None = None
    """The rest of the model by its layers; None where its seconds are given."""
    overhead_seconds: float = 0.0
    """Of every step, of the framework: hidden behind nothing."""
    sample_bytes: float | None = None
    """Of one sample of the input as it comes from outside; None: what its ids need."""
    load_seconds_per_sample: float = 0.0
    """Of the training process itself; 0 where others load ahead of it."""
    exact_updates: bool = True
    """Forbid what changes the optimizer's arithmetic: column shards, where columns are coupled."""
    cache_algorithm: CacheAlgorithm = CacheAlgorithm.LRU
    """Of ``fused_uvm_caching``; the caches of ``key_value`` are LRU, since FBGEMM's are."""
    weight_decay_mode: WeightDecayMode = WeightDecayMode.NONE
    optimizer_state_dtypes: Mapping[str, Dtype] = field(default_factory=dict, hash=False)
    """By names of state; fp32 where left out."""
    use_rowwise_bias_correction: bool = False
    """Whether Adam counts the updates of each row."""
    replica_sync: ReplicaSync | None = None
    """None: no other devices hold the tables too."""
    hot_rows: bool = False
    """Whether the job can keep the hottest rows of a table on every device, and others sharded."""

    @property
    def wires(self) -> Wires:
        """Formats on the wire by collective."""
        return self.own_wires or Wires.alike(self.comm_forward, self.comm_backward)

    @property
    def state(self) -> OptimizerState:
        """What the optimizer keeps beside the rows of tables."""
        return self.optimizer.state(
            self.weight_decay_mode, self.optimizer_state_dtypes, self.use_rowwise_bias_correction
        )

    @property
    def keeps_columns_whole(self) -> bool:
        """Whether tables may not be cut by columns, which would each adapt alone."""
        return self.exact_updates and self.optimizer.couples_columns

    @property
    def is_pipelined(self) -> bool:
        """Whether id distribution hides behind the batch before."""
        return self.pipeline.sends_ahead
