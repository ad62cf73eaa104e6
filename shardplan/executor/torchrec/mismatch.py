"""Where a plan and the processes that shall run it differ, and a plan file from itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.executor.planned import carried, dynamic
from shardplan.executor.torchrec.fault import fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.diagnostics import Diagnostic
    from shardplan.plan.file.plan import Plan


def carried_faults(plan: Plan) -> Iterator[Diagnostic]:
    """The spec inside the plan is not the one that it was made from, or the plan says otherwise."""
    for where, message in carried.carried_faults(plan):
        yield fault(plan, where, message, "the file was edited: solve again")


def dynamic_faults(plan: Plan) -> Iterator[Diagnostic]:
    """The plan has tables that TorchRec alone does not have."""
    for where, message in dynamic.dynamic_faults(plan):
        yield fault(plan, where, message, dynamic.DYNAMIC_HINT)


def process_faults(plan: Plan, world_size: int, local_world_size: int) -> Iterator[Diagnostic]:
    """The plan is for other processes than these."""
    if plan.world_size != world_size:
        yield fault(
            plan, "world_size", f"is {plan.world_size}; there are {world_size} processes",
            f"start {plan.world_size} processes, or solve for {world_size} devices",
        )  # fmt: skip
    if plan.local_world_size != local_world_size:
        yield fault(
            plan, "local_world_size",
            f"is {plan.local_world_size}; TorchRec takes nodes of {local_world_size} processes",
            f"start with torchrun --nproc-per-node {plan.local_world_size}, or set "
            f"LOCAL_WORLD_SIZE={plan.local_world_size} (and no TORCHREC_RESOLVED_POD_SIZE)",
        )  # fmt: skip


def listing_faults(plan: Plan) -> Iterator[Diagnostic]:
    """Tables that are placed, and not said to be any, or the other way round."""
    listed = {(table.module, table.name) for table in plan.tables}
    placed = {(module, name) for module, entries in plan.plan.items() for name in entries}
    for module, name in sorted(listed ^ placed):
        is_placed = (module, name) in placed
        message = "is planned, but not listed under tables" if is_placed else "is not planned"
        yield fault(plan, f"plan.{module}.{name}", message, "the file was edited: solve again")
