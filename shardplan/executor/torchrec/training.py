"""How a plan's model is trained: what TorchRec's sharder is told of it, and what it cannot do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fbgemm_gpu.split_embedding_configs import EmbOptimType, SparseType
from fbgemm_gpu.split_table_batched_embeddings_ops_training import (
    UserEnabledConfigDefinition,
)
from fbgemm_gpu.split_table_batched_embeddings_ops_training import WeightDecayMode as FbgemmDecay

from shardplan.executor.planned.ddp_sums import ddp_faults
from shardplan.executor.torchrec.fault import fault
from shardplan.executor.torchrec.kinds import kind_faults, sharders_of
from shardplan.executor.torchrec.own_batches import own_batch_faults
from shardplan.executor.torchrec.sharded.module_options import ModuleOptions
from shardplan.executor.torchrec.wires import wire_faults
from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.optimizer import Optimizer
from shardplan.workload.optimizers.trainable import cpu_fault
from shardplan.workload.optimizers.weight_decay import WeightDecayMode
from shardplan.workload.training import CacheAlgorithm
from shardplan.workload.wire.wire_collective import WireCollective

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.diagnostics import Diagnostic
    from shardplan.executor.torchrec.request import ShardRequest
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.file.training_facts import TrainingFacts

_NO_DECAY = (Optimizer.SGD, Optimizer.ADAGRAD)
"""Those whose kernels do not look at ``weight_decay``."""
_HAS_MOMENTUM = (Optimizer.LARS_SGD,)


def training_faults(request: ShardRequest) -> Iterator[Diagnostic]:
    """What TorchRec cannot train on these devices, or would train otherwise than unsharded."""
    plan, training = request.plan, request.training
    if training is None:
        hint = "solve again, and keep the plan file as it is written"
        yield fault(plan, "training", "does not say how the model is trained", hint)
        return
    yield from _faults_of_settings(request, training.optimizer)
    yield from kind_faults(plan, request.device.type, training.optimizer)
    yield from _faults_of_state(request, training)
    if training.pipeline.prefetches:
        yield from _faults_of_prefetched_caches(plan)
    yield from wire_faults(plan, training, request.device.type)
    if any(entry.sharding_type.is_replicated for t in plan.plan.values() for entry in t.values()):
        yield from ddp_faults(plan.name, training.reduction)
    if request.device.type == "cpu":
        yield from _faults_of_cpu(plan, training, request.allow_inexact)
    yield from own_batch_faults(plan, training.optimizer, request.device.type)
    yield from type_faults(plan)
    if training.optimizer.couples_columns and not request.allow_inexact:
        yield from _faults_of_column_shards(plan, training.optimizer)


def sharders(request: ShardRequest) -> list[Any]:
    """The sharders of all kinds of modules, with the plan's optimizer and wire formats."""
    training = request.training
    assert training is not None
    fused = {
        "optimizer": EmbOptimType[training.optimizer.fbgemm],
        "learning_rate": request.learning_rate,
        **_state_settings(training),
        **request.fused_params,
    }
    options = ModuleOptions(request.plan, fused, training.comm_dtype, request.device)
    return sharders_of(options)


def _faults_of_settings(request: ShardRequest, optimizer: Optimizer) -> Iterator[Diagnostic]:
    """What the job asks of the optimizer, and FBGEMM would do otherwise without a word."""
    plan, given = request.plan, request.fused_params
    where, hint = "fused_params", "leave it out"
    if given.get("optimizer") not in (None, EmbOptimType[optimizer.fbgemm]):
        message = f"optimizer={given['optimizer']}; the plan is for {optimizer}"
        yield fault(plan, where, message, "leave it out, or solve again with the other optimizer")
    if given.get("momentum") and optimizer not in _HAS_MOMENTUM:
        message = f"momentum={given['momentum']}: FBGEMM's {optimizer} has none"
        yield fault(plan, where, message, hint)
    if given.get("weight_decay"):
        message = f"weight_decay={given['weight_decay']}: FBGEMM's {optimizer} "
        if optimizer in _NO_DECAY:
            yield fault(plan, where, f"{message}has none", hint)
        elif len(optimizer.decay_modes) > 1 and not given.get("weight_decay_mode"):
            hint = "give weight_decay_mode too"
            yield fault(plan, where, f"{message}has none without a weight_decay_mode", hint)


def _state_settings(training: TrainingFacts) -> dict[str, object]:
    """What the plan says of the optimizer's state, as FBGEMM is told of it."""
    found: dict[str, object] = {}
    if formats := training.optimizer_state_dtypes.given:
        found["optimizer_state_dtypes"] = {
            name: SparseType(dtype.value) for name, dtype in formats.items()
        }
    if training.use_rowwise_bias_correction:
        corrected = UserEnabledConfigDefinition(use_rowwise_bias_correction=True)
        found["extra_optimizer_config"] = corrected
    return found


def _faults_of_state(request: ShardRequest, training: TrainingFacts) -> Iterator[Diagnostic]:
    """State that the job asks for and the plan has not counted, or the other way round."""
    plan, given, where = request.plan, request.fused_params, "fused_params"
    asked = WeightDecayMode(_named(given.get("weight_decay_mode"), "none"))
    planned = training.weight_decay_mode
    if asked.tensors != planned.tensors:
        message = f"weight_decay_mode={asked}; the plan counts the state of {planned}"
        hint = "give the plan's, or solve again with the job's training.weight_decay_mode"
        yield fault(plan, where, message, hint)
    ours = _state_settings(training)
    for name in ("optimizer_state_dtypes", "extra_optimizer_config"):
        if name in given and given[name] != ours.get(name):
            message = f"{name}={given[name]}; the plan counts {ours.get(name) or 'none'}"
            yield fault(plan, where, message, "leave it out, or solve again with the job's")


def _named(mode: object, default: str) -> str:
    """A mode of weight decay by its name, as a member of FBGEMM's enum or its number."""
    return default if mode is None else FbgemmDecay(mode).name.lower()


def _faults_of_cpu(
    plan: Plan, training: TrainingFacts, allow_inexact: bool
) -> Iterator[Diagnostic]:
    """What FBGEMM has for GPUs alone."""
    if message := cpu_fault(training):
        hint = "solve again with another optimizer, or train on GPUs"
        yield fault(plan, "training.optimizer", message, hint)
    pairs = [training.comm_dtype.pair(each) for each in WireCollective]
    formats = {name for pair in pairs for name in (pair.forward, pair.backward)}
    if Dtype.BF16 in formats and not allow_inexact:
        where, message = "training.comm_dtype", "bf16: on CPU TorchRec sends fp16 instead"
        yield fault(plan, where, message, "solve again with fp16, or allow it: allow_inexact")
    for table in plan.tables:
        if table.dtype is Dtype.BF16:
            where = f"plan.{table.module}.{table.name}.dtype"
            message = "bf16: FBGEMM's CPU kernels look up fp32 and fp16 alone"
            hint = "make the table fp16 or fp32 in the model, and solve again; or train on GPUs"
            yield fault(plan, where, message, hint)
    for module, entries in plan.plan.items():
        for name, entry in entries.items():
            if entry.compute_kernel.is_on_ssd:
                where, message = f"plan.{module}.{name}", "key_value: FBGEMM has it for GPUs alone"
                yield fault(plan, where, message, "solve again with other kernels for the table")


def _faults_of_prefetched_caches(plan: Plan) -> Iterator[Diagnostic]:
    """FBGEMM locks the rows of batches in flight in LRU caches alone."""
    for module, entries in plan.plan.items():
        for name, entry in entries.items():
            if entry.cache is not None and entry.cache.algorithm is CacheAlgorithm.LFU:
                where, message = f"plan.{module}.{name}", "lfu: FBGEMM prefetches into lru alone"
                yield fault(plan, where, message, "solve again with the pipeline sparse_dist")


def type_faults(plan: Plan) -> Iterator[Diagnostic]:
    """Sharding types that TorchRec has not."""
    for module, entries in plan.plan.items():
        for name, entry in entries.items():
            if not entry.sharding_type.is_torchrecs:
                where = f"plan.{module}.{name}"
                message = (
                    f"is {entry.sharding_type}: TorchRec keeps no rows of a table on all ranks "
                    "while others are sharded"
                )
                hint = "train it by the native engine, or solve again without training.hot_rows"
                yield fault(plan, where, message, hint)


def _faults_of_column_shards(plan: Plan, optimizer: Optimizer) -> Iterator[Diagnostic]:
    """What is kept or measured of a row, TorchRec keeps and measures of each column shard."""
    for module, entries in plan.plan.items():
        for name, entry in entries.items():
            blocks = len({shard.shard_offsets[1] for shard in entry.shards})
            if blocks > 1:
                yield fault(
                    plan, f"plan.{module}.{name}",
                    f"{entry.sharding_type} in {blocks} column shards: under {optimizer} each "
                    "adapts on its own in TorchRec, unlike the whole table",
                    "solve again with training.exact_updates: true, or allow it: allow_inexact",
                )  # fmt: skip
