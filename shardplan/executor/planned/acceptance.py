"""Whether a plan can run here: over these ranks, with this optimizer, in this memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.diagnostics import Diagnostic
from shardplan.errors import PlanRefused
from shardplan.sharding.rank_spans import rank_spans
from shardplan.workload.optimizers.trainable import native_fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.executor.planned.plan_view import PlanView
    from shardplan.executor.planned.planned_table import PlannedTable
    from shardplan.executor.planned.tier_limits import TierLimits
    from shardplan.workload.optimizers.optimizer import Optimizer


def rank_faults(view: PlanView, world_size: int, local_world_size: int) -> Iterator[Diagnostic]:
    """There are not as many ranks, or ranks per node, as planned for."""
    for where, planned, here, what in (
        ("world_size", view.world_size, world_size, "ranks"),
        ("local_world_size", view.local_world_size, local_world_size, "ranks per node"),
    ):
        if planned != here:
            message = f"it is for {planned} {what}, here are {here}"
            hint = f"start {planned}, or solve for as many devices as there are"
            yield Diagnostic(view.name, 0, 0, where, message, hint, code="executor")


def check_ranks(view: PlanView, world_size: int, local_world_size: int) -> None:
    """Raise PlanRefused unless there are as many ranks, and ranks per node, as planned for."""
    found = [fault.message for fault in rank_faults(view, world_size, local_world_size)]
    if found:
        raise PlanRefused(found)


def optimizer_faults(view: PlanView, kind: Optimizer) -> Iterator[Diagnostic]:
    """Tables are not trained as planned: state decides what memory they take.

    Other rates and constants change nothing of that.
    """
    planned = view.training.optimizer
    if planned != kind:
        message, hint = f"it is for {planned}, here is {kind}", "solve again with the other one"
        yield Diagnostic(view.name, 0, 0, "training.optimizer", message, hint, code="executor")


def native_faults(view: PlanView) -> Iterator[Diagnostic]:
    """The plan's optimizer, where the native engine has none like it."""
    if message := native_fault(view.training):
        hint = "train under TorchRec, or solve again with another training.optimizer"
        yield Diagnostic(view.name, 0, 0, "training.optimizer", message, hint, code="executor")


def whole_batch_faults(view: PlanView, engine: str) -> Iterator[Diagnostic]:
    """Tables whose features have batches of their own size, where all samples have to be there."""
    own = [table for table in view.tables if table.batch_shares]
    for table in own[:1]:
        more = f", and so {len(own) - 1} more tables" if len(own) > 1 else ""
        message = f"its features have batches of their own size{more}: {engine} has none such"
        keys = " and ".join(_own_batch_keys(own))
        hint = f"train under TorchRec by shard(), or solve again without {keys}"
        where = f"plan.{table.module}.{table.name}"
        yield Diagnostic(view.name, 0, 0, where, message, hint, code="executor")


def _own_batch_keys(tables: Sequence[PlannedTable]) -> Iterator[str]:
    """What of a spec gives features fewer samples than their module, and what gives them more."""
    if any(share < 1 for table in tables for share in table.batch_shares):
        yield "batch.features"
    more = [table.name for table in tables if any(share > 1 for share in table.batch_shares)]
    if more:
        others = f" and {len(more) - 1} more tables" if len(more) > 1 else ""
        yield f"num_poolings of {more[0]}{others}"


def drawn_batch_faults(view: PlanView) -> Iterator[Diagnostic]:
    """Modules that are called with batches of their own size, by a job whose modules share one."""
    for module in view.modules:
        share = view.collection_of(module).batch_share
        if share != 1:
            message = (
                f"it is planned with {share:.4g} of the batch: the training command calls all "
                "modules with the whole of it"
            )
            hint = "train it by a program of your own, or solve again without the module's batch"
            where = f"modules.{module}"
            yield Diagnostic(view.name, 0, 0, where, message, hint, code="executor")


def pipeline_faults(view: PlanView) -> Iterator[Diagnostic]:
    """A pipeline that the training command has not: it looks rows up when the batch before is done,
    under either engine."""
    pipeline = view.training.pipeline
    if pipeline.course.dense_covers:
        message = (
            f"{pipeline}: the training command looks rows up and sends outputs when the batch "
            "before is done"
        )
        hint = (
            f"train it by {pipeline.torchrec} in a program of your own, around what "
            "shardplan.executor.torchrec.shard returns; or solve again with sparse_dist"
        )
        yield Diagnostic(view.name, 0, 0, "training.pipeline", message, hint, code="executor")


def memory_faults(view: PlanView, limits: TierLimits) -> Iterator[Diagnostic]:
    """More is predicted of a tier than ranks may hold: one fault for all of them."""
    for tier, limit in limits:
        predicted = [getattr(each, tier) for each in view.predicted_bytes]
        short = [
            rank for rank, needs in enumerate(predicted) if limit is not None and needs > limit
        ]
        if not short:
            continue
        needs = {predicted[rank] for rank in short}
        most = "" if len(needs) == 1 else "at most "
        on = f"rank{'s' if len(short) > 1 else ''} {rank_spans(short)}"
        message = (
            f"the plan does not fit on {on}: {tier}: {most}{max(needs):,} bytes predicted, "
            f"{limit:,} offered"
        )
        yield Diagnostic(view.name, 0, 0, "", message, code="executor")
