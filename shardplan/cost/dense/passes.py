"""What the layers of a dense part take, forward and backward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.workload.dense.fusion import Fusion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.cost.dense.dense_rates import DenseRates
    from shardplan.workload.dense.dense_model import DenseModel
    from shardplan.workload.dense.operation import Operation
    from shardplan.workload.dense.precision import Precision


@dataclass(frozen=True, slots=True)
class OperationTime:
    """One operation in a batch: seconds of its products, and of what is moved beside them."""

    layer: int
    """Position of its layer."""
    parameters: int
    forward_products: float
    forward_moving: float
    backward_products: float
    backward_moving: float

    @property
    def forward_seconds(self) -> float:
        """In the forward pass."""
        return self.forward_products + self.forward_moving

    @property
    def backward_seconds(self) -> float:
        """In the backward pass."""
        return self.backward_products + self.backward_moving


def passes(
    model: DenseModel, samples: float, rates: DenseRates, fusion: Fusion = Fusion.FUSED
) -> tuple[OperationTime, ...]:
    """In the order of the forward pass, for that many samples of a device.

    The first product of a model whose first layer takes the samples themselves has no gradient of
    its input.
    """
    return tuple(_passes(model, samples, rates, fusion))


def _passes(
    model: DenseModel, samples: float, rates: DenseRates, fusion: Fusion
) -> Iterator[OperationTime]:
    takes_samples = model.layers[0].may_take_samples
    for position, layer in enumerate(model.layers):
        for operation in layer.operations:
            forward, backward = _products(operation, samples, rates, model.precision, takes_samples)
            yield OperationTime(
                layer=position,
                parameters=operation.parameters,
                forward_products=forward,
                forward_moving=rates.moving_seconds(
                    operation.moved_forward.under(fusion) * samples, model.precision
                ),
                backward_products=backward,
                backward_moving=rates.moving_seconds(
                    operation.moved_backward.under(fusion) * samples, model.precision
                ),
            )
            takes_samples = False


def _products(
    operation: Operation,
    samples: float,
    rates: DenseRates,
    precision: Precision,
    takes_samples: bool,
) -> tuple[float, float]:
    """Seconds of the product, and of those of its gradients."""
    product = operation.product
    if product is None:
        return 0.0, 0.0
    gradients = [product.other_gradient(samples)]
    if not takes_samples:
        gradients.append(product.input_gradient(samples))
    backward = sum(rates.product_seconds(shape, precision) for shape in gradients)
    return rates.product_seconds(product.forward(samples), precision), backward
