"""A plan as TorchRec's ShardingOptions, rated by the job's own estimators."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from torchrec.distributed.planner.constants import POOLING_FACTOR
from torchrec.distributed.planner.enumerators import get_partition_by_type
from torchrec.distributed.planner.types import Shard, ShardingOption
from torchrec.distributed.planner.utils import build_sharder_data_map

from shardplan.executor.torchrec.caches import caches_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torchrec.distributed.types import CacheParams, KeyValueParams

    from shardplan.plan.file.plan import Plan
    from shardplan.plan.file.table_entry import TableEntry
    from shardplan.torchrec.job.arguments import JobArguments
    from shardplan.torchrec.job.sharded_module import ShardedModule


def options_of_plan(
    plan: Plan, job: JobArguments, model: torch.nn.Module, modules: Sequence[ShardedModule]
) -> list[ShardingOption]:
    """One per table, with what its constraint hands on, and seconds and bytes of each shard."""
    caches = caches_of(plan)
    options = []
    for module in modules:
        path = module.found.path
        holder = model.get_submodule(path)
        is_pooled = ShardingOption.module_pooled(holder, path)
        for name, tensor in module.sharder.shardable_parameters(holder).items():
            constraint = job.constraints.get(name)
            entry = plan.plan[path][name]
            options.append(
                ShardingOption(
                    name=name,
                    tensor=tensor,
                    module=(path, holder),
                    input_lengths=constraint.pooling_factors if constraint else [POOLING_FACTOR],
                    batch_size=job.batch_size,
                    sharding_type=entry.sharding_type.name,
                    partition_by=get_partition_by_type(entry.sharding_type.name),
                    compute_kernel=entry.compute_kernel.name,
                    shards=_shards(entry, tensor),
                    is_pooled=is_pooled,
                    **_handed_on(constraint, caches.get((path, name), {})),
                )
            )
    estimate(options, job, [module.sharder for module in modules])
    return options


def estimate(options: list[ShardingOption], job: JobArguments, sharders: Sequence[Any]) -> None:
    """Fill in what TorchRec's estimators say of each shard, the job's own where it has any."""
    by_class = {_name(sharder.module_type): sharder for sharder in sharders}
    for estimator in job.own_enumerator._estimators:  # noqa: SLF001
        estimator.estimate(options, sharder_data_map=build_sharder_data_map(by_class))


def _name(kind: type) -> str:
    """As TorchRec's ``sharder_name`` has it."""
    return f"{kind.__module__}.{kind.__name__}"


def _shards(entry: TableEntry, tensor: torch.Tensor) -> list[Shard]:
    """A data-parallel table is whole on every rank."""
    if not entry.shards:
        rows, columns = tensor.shape
        return [Shard(size=[rows, columns], offset=[0, 0], rank=rank) for rank in entry.ranks]
    return [
        Shard(size=list(shard.shard_sizes), offset=list(shard.shard_offsets), rank=rank)
        for shard, rank in zip(entry.shards, entry.ranks, strict=True)
    ]


def _handed_on(constraint: Any | None, planned: dict[str, Any]) -> dict[str, Any]:
    """What goes into the job's plan from the constraint of a table, and from the plan's caches."""
    given = {
        name: getattr(constraint, name, None)
        for name in (
            "cache_params", "enforce_hbm", "stochastic_rounding", "bounds_check_mode",
            "feature_names", "output_dtype", "key_value_params",
        )
    }  # fmt: skip
    if cache := planned.get("cache_params"):
        given["cache_params"] = _cache(given["cache_params"], cache)
    if sizes := planned.get("key_value_params"):
        given["key_value_params"] = _sizes(given["key_value_params"], sizes)
    return given


def _cache(given: CacheParams | None, planned: CacheParams) -> CacheParams:
    """The job's, with the size that was planned.

    The planned fraction of a byte of ``reserved_memory`` keeps operators apart.
    """
    if given is None:
        return planned
    return replace(
        given,
        load_factor=planned.load_factor,
        algorithm=given.algorithm or planned.algorithm,
        prefetch_pipeline=given.prefetch_pipeline or planned.prefetch_pipeline,
        reserved_memory=(given.reserved_memory or 0.0) + (planned.reserved_memory or 0.0),
    )


def _sizes(given: KeyValueParams | None, planned: KeyValueParams) -> KeyValueParams:
    """The job's; sizes that it does not say are those that were planned."""
    if given is None:
        return planned
    return replace(
        given,
        l2_cache_size=given.l2_cache_size or planned.l2_cache_size,
        max_l1_cache_size=given.max_l1_cache_size or planned.max_l1_cache_size,
    )
