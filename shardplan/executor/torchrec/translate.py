"""Plan -> TorchRec's ShardingPlan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.distributed._shard.sharding_spec import EnumerableShardingSpec, ShardMetadata
from torchrec.distributed.types import EmbeddingModuleShardingPlan, ParameterSharding, ShardingPlan
from torchrec.modules.embedding_configs import DataType

from shardplan.errors import InputError
from shardplan.executor.torchrec.caches import caches_of
from shardplan.executor.torchrec.fault import fault
from shardplan.executor.torchrec.training import type_faults
from shardplan.sharding.grouping import GroupOrder
from shardplan.workload.dtype import Dtype

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.diagnostics import Diagnostic
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.file.table_entry import ShardEntry, TableEntry

_OUTPUTS = {Dtype.FP32: None, Dtype.FP16: DataType.FP16, Dtype.BF16: DataType.BF16}
"""By number format of outputs, what TorchRec is told of it."""


def sharding_plan(plan: Plan, device_type: str = "cuda") -> ShardingPlan:
    """The plan as ``DistributedModelParallel(plan=...)`` takes it: a ``ShardingPlan``.

    Shards are placed on devices of ``device_type``: ``cuda``, ``cpu`` or ``meta``. Nothing is
    checked; ``shard`` does. Warns where a cache of the plan is larger than TorchRec makes any.
    """
    caches = caches_of(plan)
    modules = {}
    for module, entries in plan.plan.items():
        modules[module] = EmbeddingModuleShardingPlan(
            {
                name: ParameterSharding(
                    sharding_type=entry.sharding_type.name,
                    compute_kernel=entry.compute_kernel.name,
                    ranks=list(entry.ranks),
                    sharding_spec=_spec(entry, device_type),
                    output_dtype=_OUTPUTS[plan.collection_of(module).output_dtype],
                    **caches.get((module, name), {}),
                )
                for name, entry in entries.items()
            }
        )
    return ShardingPlan(plan=modules)


def group_arguments(plan: Plan) -> dict[str, Any]:
    """What ``DMPCollection`` takes of a plan of groups of devices, besides the model, its device,
    sharders and process group.

    The averaging is the job's: ``dmp_collection_sync_interval_batches`` of its pipeline, or
    ``sync()`` of the model. Raises InputError for plans of one group, whose tables TorchRec would
    average in more bytes than planned, and that have sharding types that are not TorchRec's.
    """
    replicas = plan.replicas
    if faults := [*_group_faults(plan), *type_faults(plan)]:
        raise InputError(faults)
    assert replicas is not None
    return {
        "plan": sharding_plan(plan),
        "world_size": replicas.world_size,
        "sharding_group_size": plan.world_size,
        "node_group_size": plan.local_world_size,
        "use_inter_host_allreduce": replicas.order is GroupOrder.CONTIGUOUS,
    }


def _group_faults(plan: Plan) -> Iterator[Diagnostic]:
    """``DMPCollection.sync`` averages every tensor in the format that it is kept in."""
    replicas, training = plan.replicas, plan.training
    if replicas is None:
        hint = "shard() runs it, or DistributedModelParallel by its sharding_plan()"
        yield fault(plan, "replicas", "it is the plan of all devices, not of one of several", hint)
        return
    planned, where = replicas.dtype, "replicas.dtype"
    wider = [table for table in plan.tables if table.dtype.bytes > planned.bytes]
    hint = "average by custom_all_reduce, or solve again with training.replicas.dtype: fp32"
    if wider:
        others = f" and {len(wider) - 1} others" if len(wider) > 1 else ""
        message = (
            f"{planned}: DMPCollection sends the {wider[0].dtype} weights of {wider[0].name}"
            f"{others} as they are"
        )
        yield fault(plan, where, message, hint)
    keeps = training is not None and training.optimizer.state().tensors
    if not wider and keeps and replicas.sync_optimizer and planned.bytes < Dtype.FP32.bytes:
        message = f"{planned}: DMPCollection sends the optimizer's state in fp32"
        hint = "average by custom_all_reduce, or solve again with sync_optimizer: false"
        yield fault(plan, where, message, hint)


def _spec(entry: TableEntry, device_type: str) -> EnumerableShardingSpec | None:
    """None for data-parallel tables, which have no shards."""
    if not entry.shards:
        return None
    return EnumerableShardingSpec([_metadata(shard, device_type) for shard in entry.shards])


def _metadata(shard: ShardEntry, device_type: str) -> ShardMetadata:
    rank, device = shard.placement.split("/", 1)
    return ShardMetadata(
        shard_offsets=list(shard.shard_offsets),
        shard_sizes=list(shard.shard_sizes),
        placement=f"{rank}/{device if device_type == 'cuda' else device_type}",
    )
