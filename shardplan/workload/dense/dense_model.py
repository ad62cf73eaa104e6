"""The rest of a model, by its layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.workload.dense.layer import DenseLayer
    from shardplan.workload.dense.parallel import Parallel
    from shardplan.workload.dense.precision import Precision
    from shardplan.workload.dtype import Dtype
    from shardplan.workload.optimizers.optimizer import Optimizer


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
    """Of gradients, which DDP sums once that many are ready; of weights, which FSDP gathers as one
    at the least."""

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def units(self) -> tuple[range, ...]:
        """Positions of the layers that FSDP gathers as one: from the first on, as many as fill a
        bucket with their weights.
        """
        found, begin, filled = [], 0, 0
        for position, layer in enumerate(self.layers):
            filled += layer.parameters * self.precision.bytes
            if filled >= self.bucket_bytes or position == len(self.layers) - 1:
                found.append(range(begin, position + 1))
                begin, filled = position + 1, 0
        return tuple(found)

    def parameters_of(self, unit: range) -> int:
        """Weights and biases of a unit."""
        return sum(self.layers[position].parameters for position in unit)

    @property
    def states(self) -> int:
        """Numbers that the optimizer keeps for each parameter."""
        return self.optimizer.numbers_per_parameter
