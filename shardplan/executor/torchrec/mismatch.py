"""Where a plan and a model differ, or a plan and the processes that shall run it."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from shardplan.executor.torchrec.fault import fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shardplan.diagnostics import Diagnostic
    from shardplan.executor.planned.model_table import ModelTable
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.file.table_facts import TableFacts

_SOLVE_AGAIN = "solve again with the model's tables in the spec"


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


def table_faults(plan: Plan, modules: Mapping[str, Sequence[ModelTable]]) -> Iterator[Diagnostic]:
    """All that differs between the plan's tables and the model's, by their modules."""
    facts = {(table.module, table.name): table for table in plan.tables}
    homes = {table.name: module for module, tables in modules.items() for table in tables}
    for module, entries in plan.plan.items():
        if module not in modules:
            yield _unknown_module(plan, module, modules)
            continue
        there = {table.name: table for table in modules[module]}
        for name in entries:
            where = f"plan.{module}.{name}"
            if name not in there:
                hint = f"the model has it in {homes[name]!r}" if name in homes else _SOLVE_AGAIN
                yield fault(plan, where, f"the model's {module!r} has no such table", hint)
            elif (module, name) not in facts:
                hint = "the file was edited: solve again"
                yield fault(plan, where, "is planned, but not listed under tables", hint)
            else:
                yield from _differences(plan, facts[module, name], there[name])
    for module, tables in modules.items():
        planned = plan.plan.get(module, {})
        missing = [table.name for table in tables if table.name not in planned]
        # TorchRec would leave a module that it has no plan for whole on every rank.
        for name in missing:
            message = f"lacks {name!r}, a table of the model's {module!r}"
            yield fault(plan, f"plan.{module}", message, _SOLVE_AGAIN)


def _unknown_module(
    plan: Plan, module: str, modules: Mapping[str, Sequence[ModelTable]]
) -> Diagnostic:
    message = "the model has no EmbeddingBagCollection of this name"
    close = get_close_matches(module, modules, 1) or list(modules)
    names = ", ".join(repr(name) for name in close)
    hint = f"it has {names}: write it as the tables' module in the spec" if close else _SOLVE_AGAIN
    return fault(plan, f"plan.{module}", message, hint)


def _differences(plan: Plan, planned: TableFacts, there: ModelTable) -> Iterator[Diagnostic]:
    where = f"plan.{planned.module}.{planned.name}"
    for what, ours, theirs in (
        ("rows", planned.rows, there.rows),
        ("dim", planned.dim, there.dim),
        ("dtype", planned.dtype.value, there.dtype),
        ("features", ", ".join(sorted(planned.features)), ", ".join(sorted(there.features))),
    ):
        if ours != theirs:
            yield fault(plan, f"{where}.{what}", f"{ours}; the model has {theirs}", _SOLVE_AGAIN)
    if there.device_type != "meta":
        message = f"the model holds it whole on {there.device_type}, and sharded it starts anew"
        hint = 'build it with device=torch.device("meta"), and load weights after sharding'
        yield fault(plan, where, message, hint)
