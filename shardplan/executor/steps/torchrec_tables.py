"""The parts of a step under TorchRec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torchrec import KeyedJaggedTensor

from shardplan.executor.planned.optimizer_settings import OptimizerSettings
from shardplan.executor.planned.plan_view import view_plan
from shardplan.executor.steps.timed_tables import LEARNING_RATE
from shardplan.executor.torchrec.made_collections import Collections
from shardplan.executor.torchrec.wrap import shard
from shardplan.executor.train.torchrec_engine import optimizers_of_replicas

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.executor.batch.jagged_batch import JaggedBatch
    from shardplan.executor.tensors.tensor import Tensor
    from shardplan.plan.file.plan import Plan


class TorchRecTables:
    """A model of nothing but tables under ``DistributedModelParallel``.

    What ``forward`` of a sharded module does is called here in its two halves, in the same order.
    """

    def __init__(self, plan: Plan) -> None:
        view = view_plan(plan)
        settings = OptimizerSettings(view.training.optimizer, LEARNING_RATE)
        model = shard(Collections(view), plan, learning_rate=LEARNING_RATE, device="cpu")
        self._model = model
        self._modules = [model.module.get_submodule(path) for path in view.modules]
        self._optimizers = optimizers_of_replicas(model, view, settings)

    def prepared(self, batch: JaggedBatch) -> Any:
        """A KeyedJaggedTensor."""
        return KeyedJaggedTensor(
            list(batch.keys), batch.values, weights=batch.weights, lengths=batch.lengths.view(-1)
        )

    def distribute(self, batch: Any) -> Any:
        """Both waits, of lengths and of ids."""
        contexts = [module.create_context() for module in self._modules]
        sent = [m.input_dist(c, batch) for m, c in zip(self._modules, contexts, strict=True)]
        return [(c, each.wait().wait()) for c, each in zip(contexts, sent, strict=True)]

    def forward(self, inputs: Any) -> list[Tensor]:
        """Module by module."""
        pairs = zip(self._modules, inputs, strict=True)
        return [module.compute_and_output_dist(*of).values() for module, of in pairs]

    def backward(self, outputs: list[Tensor], gradients: list[Tensor]) -> None:
        """Fused updates are part of it; data-parallel tables have an optimizer of their own."""
        for optimizer in self._optimizers:
            optimizer.zero_grad()
        torch.autograd.backward(outputs, gradients)
        for optimizer in self._optimizers:
            optimizer.step()


def torchrec_tables() -> Callable[[Plan], TorchRecTables]:
    """Of every plan anew."""
    return TorchRecTables
