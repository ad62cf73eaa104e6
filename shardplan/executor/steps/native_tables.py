"""The parts of a step in the native engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist

from shardplan.executor.exchange.mesh import Mesh
from shardplan.executor.native.sharded_tables import shard_tables
from shardplan.executor.planned.optimizer_settings import OptimizerSettings
from shardplan.executor.planned.plan_view import view_plan
from shardplan.executor.steps.drawn_batch import drawn_hot_ids
from shardplan.executor.steps.timed_tables import LEARNING_RATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.executor.batch.jagged_batch import JaggedBatch
    from shardplan.executor.tensors.tensor import Tensor
    from shardplan.plan.file.plan import Plan


class NativeTables:
    """Collections of the native engine, one for each module; nothing is sent ahead."""

    def __init__(self, plan: Plan, mesh: Mesh) -> None:
        view = view_plan(plan)
        settings = OptimizerSettings(view.training.optimizer, LEARNING_RATE)
        tables = shard_tables(view, mesh, settings, model=None, hot_ids=drawn_hot_ids(view))
        self._collections = list(tables.values())

    def prepared(self, batch: JaggedBatch) -> Any:
        """As it is."""
        return batch

    def distribute(self, batch: Any) -> Any:
        """Of all modules at once, as in training."""
        started = [each.start(batch) for each in self._collections]
        pairs = zip(self._collections, started, strict=True)
        return [collection.finish(each) for collection, each in pairs]

    def forward(self, inputs: Any) -> list[Tensor]:
        """Module by module."""
        return [each(of) for each, of in zip(self._collections, inputs, strict=True)]

    def backward(self, outputs: list[Tensor], gradients: list[Tensor]) -> None:
        """The update is part of it."""
        torch.autograd.backward(outputs, gradients)


def native_tables() -> Callable[[Plan], NativeTables]:
    """All plans share the groups of processes, which take long to make."""
    mesh = Mesh(dist.get_world_size())
    return lambda plan: NativeTables(plan, mesh)
