"""The dense part of a step, from its layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cost.dense.exposed import exposed_seconds
from shardplan.cost.dense.memory import pieces_of
from shardplan.cost.dense.passes import passes
from shardplan.cost.dense_costs import DenseCosts
from shardplan.errors import ShardplanError
from shardplan.workload.dense.fusion import Fusion
from shardplan.workload.dtype import Dtype

if TYPE_CHECKING:
    from shardplan.cost.dense.dense_rates import DenseRates
    from shardplan.cost.dense.exposed import Wire
    from shardplan.sharding.world import World
    from shardplan.workload.dense.dense_model import DenseModel
    from shardplan.workload.training import Training

_FULL_BYTES = Dtype.FP32.bytes


def predict_dense(
    training: Training,
    samples: float,
    world: World,
    rates: DenseRates | None,
    wire: Wire,
    fusion: Fusion = Fusion.FUSED,
) -> DenseCosts:
    """What the layers take with so many samples of each device of a world, or what a spec says in
    their place.

    Raises ShardplanError for layers where there are no ``rates``.
    """
    model = training.dense
    if model is None:
        return DenseCosts.given(training)
    if rates is None or not rates.knows(model.precision):
        raise ShardplanError(f"the cost model has no figures of products in {model.precision}")
    times = passes(model, samples, rates, fusion)
    update = update_bytes(model, world) / rates.elementwise_bytes_per_second
    return DenseCosts(
        sum(time.forward_seconds for time in times),
        sum(time.backward_seconds for time in times) + update,
        exposed_seconds(model, times, wire, world.devices_per_node),
        optimizer_seconds=update,
        is_predicted=True,
        covers=training.pipeline.course.dense_covers,
    )


def update_bytes(model: DenseModel, world: World) -> float:
    """Of the optimizer's pass over a device's parameters: gradients are read, weights and state
    read and written, all in fp32.
    """
    return _FULL_BYTES * (3 + 2 * model.states) * model.parameters / pieces_of(model, world)
