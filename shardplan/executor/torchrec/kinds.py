"""The kinds of modules under TorchRec: which sharder takes each, and what none of them does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shardplan.executor.torchrec.fault import fault
from shardplan.executor.torchrec.sharded.collection import CollectionSharder
from shardplan.executor.torchrec.sharded.managed import ManagedBagSharder, ManagedSequenceSharder
from shardplan.executor.torchrec.sharded.processed import ProcessedSharder
from shardplan.executor.torchrec.sharded.sequences import SequenceSharder
from shardplan.sharding.kind import ShardingType
from shardplan.workload.collection import CollectionKind
from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.diagnostics import Diagnostic
    from shardplan.executor.torchrec.sharded.module_options import ModuleOptions
    from shardplan.plan.file.plan import Plan


def sharders_of(options: ModuleOptions) -> list[Any]:
    """One sharder for each class of module that a plan may speak of."""
    bags = CollectionSharder(options)
    return [
        bags,
        SequenceSharder(options),
        ProcessedSharder(bags, qcomm_codecs_registry=options.codecs()),
        ManagedBagSharder(options),
        ManagedSequenceSharder(options),
    ]


def kind_faults(plan: Plan, device_type: str, optimizer: Optimizer) -> Iterator[Diagnostic]:
    """What TorchRec has not for modules that are no plain bags, or would do wrongly."""
    for path, entries in plan.plan.items():
        collection = plan.collection_of(path)
        if device_type == "cpu" and collection.output_dtype is Dtype.BF16:
            message = "output_dtype bf16: FBGEMM's CPU kernels write fp32 and fp16 alone"
            hint = "solve again with fp16, or train with the native engine or on GPUs"
            yield fault(plan, f"modules.{path}", message, hint)
        widths: set[int] = set()
        for name, entry in entries.items():
            where = f"plan.{path}.{name}"
            if not collection.is_pooled and entry.sharding_type is ShardingType.COLUMN_WISE:
                widths |= {shard.shard_sizes[1] for shard in entry.shards}
            if device_type == "cpu" and not collection.is_pooled and not entry.shards:
                message = "data_parallel: on CPU TorchRec's dense kernel pools, whatever the module"
                hint = "solve again with other types for the table, or train with the native engine"
                yield fault(plan, where, message, hint)
        if len(widths) > 1:
            message = (
                f"column shards of {', '.join(map(str, sorted(widths)))} columns: TorchRec takes "
                "the first width for all of a module whose rows are not pooled"
            )
            yield fault(plan, f"plan.{path}", message, "the file was edited: solve again")
        is_managed = collection.kind is CollectionKind.MANAGED_COLLISION
        if is_managed and device_type == "cpu" and optimizer is not Optimizer.SGD:
            message = f"{optimizer}: FBGEMM begins the state of a row anew on GPUs alone"
            hint = "solve again with sgd, or train on GPUs"
            yield fault(plan, f"modules.{path}", message, hint)
        if collection.dedup and device_type == "cpu":
            message = "dedup: FBGEMM makes ids distinct on GPUs alone"
            hint = "solve again without it, or train with the native engine"
            yield fault(plan, f"modules.{path}", message, hint)
