"""The rest of a model, by its layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shardplan.workload.training import Optimizer

if TYPE_CHECKING:
    from shardplan.workload.dense.layer import DenseLayer
    from shardplan.workload.dense.parallel import Parallel
    from shardplan.workload.dense.precision import Precision
    from shardplan.workload.dtype import Dtype

_STATES: Final = {
    Optimizer.SGD: 0,
    Optimizer.ADAGRAD: 1,
    Optimizer.ROWWISE_ADAGRAD: 1,  # weights without rows have a sum each
    Optimizer.ADAM: 2,
}


@dataclass(frozen=True, slots=True)
class DenseModel:
    """Layers in the order of the forward pass, and how they are trained."""

    layers: tuple[DenseLayer, ...]
    precision: Precision
    parallel: Parallel
    gradient_dtype: Dtype
    """On the wire."""
    optimizer: Optimizer
    bucket_bytes: int
    """Of gradients, which are summed once that many are ready."""

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def states(self) -> int:
        """Numbers that the optimizer keeps for each parameter."""
        return _STATES[self.optimizer]
