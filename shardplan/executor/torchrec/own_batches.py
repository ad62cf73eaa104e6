"""Features with batches of their own size (VBE): what TorchRec and FBGEMM 1.8 have not."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from shardplan.executor.torchrec.fault import fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.diagnostics import Diagnostic
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.file.table_entry import TableEntry
    from shardplan.plan.file.table_facts import TableFacts
    from shardplan.sharding.kind import ShardingType
    from shardplan.workload.optimizers.optimizer import Optimizer

_WHAT = "its features have batches of their own size"


def own_batch_faults(plan: Plan, optimizer: Optimizer, device_type: str) -> Iterator[Diagnostic]:
    """By the optimizer, the sharding type, and on CPU by the kernels of a rank."""
    hint = (
        "solve again with a constraint on its sharding, or without batch.features and num_poolings"
    )
    for table, entry in _own(plan):
        where = f"plan.{table.module}.{table.name}"
        if not optimizer.takes_own_batches:
            message = f"{_WHAT}: FBGEMM does not train such with {optimizer}"
            yield fault(plan, where, message, "solve again with another optimizer")
        if not entry.sharding_type.takes_own_batches:
            message = f"{_WHAT}: TorchRec has no such tables {entry.sharding_type}"
            yield fault(plan, where, message, hint)
    if device_type == "cpu":
        yield from _kernels_of_a_rank(plan)


def _kernels_of_a_rank(plan: Plan) -> Iterator[Diagnostic]:
    """Tables of a module beside others that another kernel of the same rank looks up.

    TorchRec 1.8 has a kernel for all tables of a rank that are sharded by one type and have the
    same format and pooling (``group_tables``); where there are several, they write into one output
    (``_forward_with_vbe_merging``), which FBGEMM does on GPUs alone. A rank that fails leaves the
    others waiting.
    """
    first: dict[tuple[str, ShardingType, int], object] = {}
    told: dict[str, list[str]] = defaultdict(list)
    modules = {table.module for table, _ in _own(plan)}
    for table, entry in _entries(plan):
        if table.module not in modules:
            continue
        kernel = (table.dtype, table.is_mean, entry.compute_kernel)
        for rank in entry.ranks:
            if first.setdefault((table.module, entry.sharding_type, rank), kernel) != kernel:
                told[table.module].append(table.name)
                break
    for module, names in told.items():
        message = (
            "is looked up beside others of its module of another dtype, pooling_type or kernel, "
            f"and {_WHAT.replace('its', 'their')}: FBGEMM has no such lookup on CPU"
        )
        hint = (
            "train on GPUs, give these tables another sharding type or other ranks, or solve again "
            "without batch.features and num_poolings"
        )
        for name in names:
            yield fault(plan, f"plan.{module}.{name}", message, hint)


def _own(plan: Plan) -> Iterator[tuple[TableFacts, TableEntry]]:
    return (each for each in _entries(plan) if each[0].batch_shares)


def _entries(plan: Plan) -> Iterator[tuple[TableFacts, TableEntry]]:
    for table in plan.tables:
        entry = plan.plan.get(table.module, {}).get(table.name)
        if entry is not None:
            yield table, entry
