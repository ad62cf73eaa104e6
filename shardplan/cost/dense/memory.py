"""HBM that the dense part needs on each device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.workload.dense.parallel import Parallel
from shardplan.workload.dtype import Dtype

if TYPE_CHECKING:
    from shardplan.sharding.world import World
    from shardplan.workload.dense.dense_model import DenseModel
    from shardplan.workload.training import Training

_FULL_BYTES = Dtype.FP32.bytes
_GATHERED_UNITS = 2
"""FSDP gathers the next unit while one runs."""


def dense_memory_bytes(training: Training, samples: int, world: World) -> int:
    """What is given, or what the layers need: parameters with all that belongs to them, and what
    the backward pass needs of so many samples of a device. Pooled outputs are not counted.
    """
    if training.dense_memory_bytes is not None or training.dense is None:
        return training.dense_memory_bytes or 0
    model = training.dense
    kept = sum(operation.kept for layer in model.layers for operation in layer.operations)
    return _parameter_bytes(model, world) + kept * samples * model.precision.bytes


def _parameter_bytes(model: DenseModel, world: World) -> int:
    """Weights, gradients and state in fp32, with a copy of the weights in the format of products
    where that is another.

    Cut up, but for what is gathered, where devices share them.
    """
    copy_bytes = model.precision.bytes if model.precision.is_half else 0
    each = copy_bytes + _FULL_BYTES * (2 + model.states)
    if model.parallel is Parallel.DDP:
        return model.parameters * each
    pieces = pieces_of(model, world)
    largest = sorted(map(model.parameters_of, model.units), reverse=True)
    gathered = sum(largest[:_GATHERED_UNITS]) * model.precision.bytes
    return -(-model.parameters // pieces) * each + gathered


def pieces_of(model: DenseModel, world: World) -> int:
    """Over how many devices a weight is cut."""
    if model.parallel is Parallel.DDP:
        return 1
    return world.size if model.parallel is Parallel.FSDP else world.devices_per_node
