"""Whether a plan can run here: with this model, over these ranks, in this memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.errors import MemoryExceeded, PlanRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shardplan.executor.planned.model_table import ModelTable
    from shardplan.executor.planned.plan_view import PlanView
    from shardplan.executor.planned.tier_limits import TierLimits
    from shardplan.workload.training import Optimizer


def check_ranks(view: PlanView, world_size: int, local_world_size: int) -> None:
    """Raise PlanRefused unless there are as many ranks, and ranks per node, as planned for."""
    differences = []
    if view.world_size != world_size:
        differences.append(f"it is for {view.world_size} ranks, here are {world_size}")
    if view.local_world_size != local_world_size:
        there, here = view.local_world_size, local_world_size
        differences.append(f"it is for {there} ranks per node, here are {here}")
    if differences:
        raise PlanRefused(differences)


def check_optimizer(view: PlanView, kind: Optimizer) -> None:
    """Raise PlanRefused unless tables are trained as planned: state decides what memory they take.

    Other rates and constants change nothing of that.
    """
    if view.training.optimizer != kind:
        raise PlanRefused([f"it is for the optimizer {view.training.optimizer}, here is {kind}"])


def check_model(view: PlanView, tables: Iterable[ModelTable]) -> None:
    """Raise PlanRefused, with every difference, unless the model has exactly the plan's tables."""
    differences = list(_differences(view, {(t.module, t.name): t for t in tables}))
    if differences:
        raise PlanRefused(differences)


def check_memory(view: PlanView, rank: int, limits: TierLimits) -> None:
    """Raise MemoryExceeded where more is predicted of a tier than this rank may hold."""
    if rank >= len(view.predicted_bytes):
        return
    predicted = view.predicted_bytes[rank]
    needs = {"hbm": predicted.hbm, "ddr": predicted.ddr, "ssd": predicted.ssd}
    short = [
        f"{tier}: {needs[tier]:,} bytes predicted, {limit:,} offered"
        for tier, limit in limits
        if limit is not None and needs[tier] > limit
    ]
    if short:
        raise MemoryExceeded(f"the plan does not fit on rank {rank}: " + "; ".join(short))


def _differences(view: PlanView, model: dict[tuple[str, str], ModelTable]) -> Iterator[str]:
    planned = {(table.module, table.name): table for table in view.tables}
    for module, name in sorted(model.keys() - planned.keys()):
        yield f"table {name} of module {module} is in the model only"
    for module, name in sorted(planned.keys() - model.keys()):
        yield f"table {name} of module {module} is in the plan only"
    for key in planned:
        if key not in model:
            continue
        mine, theirs = planned[key], model[key]
        for what in ("rows", "dim", "features"):
            here, there = getattr(mine, what), getattr(theirs, what)
            if here != there:
                where = f"table {mine.name} of module {mine.module}"
                yield f"{where}: {what} {_shown(here)} in the plan, {_shown(there)} in the model"


def _shown(value: object) -> str:
    return "[" + ", ".join(map(str, value)) + "]" if isinstance(value, tuple) else str(value)
