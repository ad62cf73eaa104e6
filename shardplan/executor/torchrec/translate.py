"""Plan -> TorchRec's ShardingPlan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.distributed._shard.sharding_spec import EnumerableShardingSpec, ShardMetadata
from torchrec.distributed.types import EmbeddingModuleShardingPlan, ParameterSharding, ShardingPlan
from torchrec.modules.embedding_configs import DataType

from shardplan.executor.torchrec.caches import caches_of
from shardplan.workload.dtype import Dtype

if TYPE_CHECKING:
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
