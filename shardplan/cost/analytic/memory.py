"""Bytes of the buffers that a training step keeps beside rows, optimizer state and caches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.dense.memory import dense_memory_bytes
from shardplan.cost.output_route import OutputRoute
from shardplan.cost.output_wires import legs_of
from shardplan.sharding.kind import SHARDING_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from shardplan.cost.analytic.reduction.summing import Summing
    from shardplan.cost.analytic.shares import Shares, TableArrays
    from shardplan.cost.analytic.storage import Storage
    from shardplan.options.option_set import OptionSet
    from shardplan.sharding.kind import ShardingType
    from shardplan.sharding.world import World
    from shardplan.workload.training import Training
    from shardplan.workload.wire.wire_collective import WireCollective
    from shardplan.workload.wire.wire_type import WireType
    from shardplan.workload.workload import Workload

GRADIENT_ELEMENT_BYTES = 4
"""The gradient of a data-parallel table is a dense fp32 buffer."""
INDEX_BYTES = 8
"""Ids and lengths travel and are kept as int64."""
DIVISOR_ELEMENT_BYTES = 4
"""What a number of a mean is divided by, or its gradient divided by that, is kept in fp32."""
WEIGHT_BYTES = 4
"""The weight of an id is fp32."""

_CACHE_COPIES_OF_IDS = 7
"""What looking ids up in a cache needs of HBM, in copies of them (as TorchRec's planner has it)."""
_ROW_BUFFERS = 3
"""Batches' rows in DDR between HBM and SSD: two on their way out in turn, one on its way in; with
prefetching one more in (``lxu_cache_evicted_weights`` and ``inserted_rows`` of FBGEMM 1.8's
``SSDTableBatchedEmbeddingBags``). It keeps updated rows too where it streams them, which TorchRec
does only if asked to."""


def unit_bytes(
    shares: Shares, options: OptionSet, storage: Storage, summing: Summing
) -> NDArray[np.float64]:
    """(O, 3): bytes of HBM, DDR and SSD that one unit takes on each device it lands on.

    Besides the rows, their state and caches there are in HBM the buffers of received ids, of
    outputs, of each batch that has some, and of their gradients, both also in the format that they
    are sent in, the gradient of a
    data-parallel table and what is kept beside it where not all of it is summed at once, what a
    cache looks ids up with, and the map of ids where collisions are managed; in DDR the rows on
    their way between SSD and HBM. Buffers have room for as many ids as samples may have.
    """
    pipeline = storage.training.pipeline
    rows = shares.shards * shares.shard_rows
    needs = storage.bytes(options, rows, shares.columns, shares.element_bytes)
    ids, bags = np.ceil(shares.most_ids), np.ceil(shares.bags)
    received = (shares.id_bytes * ids + INDEX_BYTES * bags) * (1 + pipeline.batches_ahead)
    ways = tuple(
        shares.output_bytes + _sent_bytes(wires, options, shares.is_pooled, shares.output_bytes)
        for wires in _both_ways(storage.training)
    )
    element_bytes = ways[0] * (1 + pipeline.outputs_ahead) + ways[1]
    outputs = np.ceil(shares.most_outputs) * shares.columns * element_bytes
    gradient = rows * shares.columns * GRADIENT_ELEMENT_BYTES
    gradient = gradient + np.ceil(summing.kept_share * gradient)
    # The pooled outputs of a data-parallel table are its rank's own: base_bytes counts them.
    replicated = options.has_type(lambda kind: kind.is_replicated)
    directory = _CACHE_COPIES_OF_IDS * INDEX_BYTES * ids
    cached = options.has_kernel(lambda kernel: kernel.caches)
    on_ssd = options.has_kernel(lambda kernel: kernel.is_on_ssd)
    needs[:, 0] += received + np.where(replicated, gradient, outputs)
    needs[:, 0] += rows * shares.map_row_bytes + np.ceil(shares.map_id_bytes * ids)
    needs[:, 0] += np.where(cached, directory, 0)
    row_bytes = shares.columns * shares.element_bytes + INDEX_BYTES
    moving = np.ceil(shares.unique_rows) * row_bytes * (_ROW_BUFFERS + pipeline.prefetches)
    needs[:, 1] += np.where(on_ssd, moving, 0)
    return needs


def base_bytes(
    workload: Workload, tables: TableArrays, world: World, whole: World
) -> NDArray[np.float64]:
    """(3,): what a device needs whatever the placement.

    The dense model, which the ``whole`` of the devices trains; of the rank's own samples the ids
    and lengths to be sent, and the outputs of
    all tables with their gradients, also in the format that they are sent in; besides, where there
    is one for each id, a copy in the ids' order, where ids were made distinct those of all ids and
    the place of each among the distinct ones, of means once more what they are divided by, and
    where features have batches of their own size outputs expanded to one for each sample. A device
    alone sends nothing: its outputs are those that ``unit_bytes`` counts.
    """
    training = workload.training
    samples = -(-workload.global_batch // world.size)
    sent = (np.ceil(samples * tables.most_sent) * tables.id_bytes).sum()
    sent += np.ceil(samples * tables.bags).sum() * INDEX_BYTES
    # Where outputs are expanded, each sample keeps which of them is its own.
    sent += samples * tables.expanded.sum() * INDEX_BYTES
    drawn = np.ceil(samples * tables.most_pooling)
    sent += (np.where(tables.dedup, drawn, 0) * INDEX_BYTES).sum()
    ids = sent * training.pipeline.copies
    unsent = tables.output_bytes if world.size == 1 else 0
    ways = tuple(
        tables.output_bytes + _most_sent_bytes(wires, tables.is_pooled, tables.output_bytes)
        for wires in _both_ways(training)
    )
    ahead = training.pipeline.outputs_ahead
    element_bytes = ways[0] * (1 + ahead) + ways[1] - unsent * (1 + ahead)
    ordered = np.where(tables.is_pooled, 0, tables.output_bytes) if world.size > 1 else 0
    ordered = ordered * (1 + ahead)
    pooled = np.ceil(samples * tables.bags * tables.dim)
    elements = np.where(tables.is_pooled, pooled, np.ceil(samples * tables.most_sent) * tables.dim)
    expanded = np.where(tables.dedup, drawn, samples * tables.expanded) * tables.output_bytes
    expanded = expanded * (2 + ahead)
    divided = np.where(tables.is_mean, DIVISOR_ELEMENT_BYTES, 0) * (1 + ahead)
    made = (elements * (element_bytes + ordered + divided) + tables.dim * expanded).sum()
    dense = dense_memory_bytes(training, samples, whole)
    return np.array([dense + ids + made, 0, 0], dtype=np.float64)


def _both_ways(training: Training) -> tuple[Mapping[WireCollective, WireType], ...]:
    """Formats on the wire of outputs, and of their gradients."""
    return tuple(training.wires.at(is_forward=is_forward) for is_forward in (True, False))


def _sent_bytes(
    wires: Mapping[WireCollective, WireType],
    options: OptionSet,
    is_pooled: NDArray[np.bool_],
    output_bytes: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(O,): of an element of a unit's outputs, or its gradient, copied into the format on the wire
    of what is sent first, where that is a narrower one."""
    found = np.zeros(len(options))
    for pooled in (True, False):
        sizes = [_first_bytes(kind, wires, pooled) for kind in SHARDING_TYPES]
        own = np.array(sizes)[options.sharding]
        copied = np.where(own < output_bytes, own, 0.0)
        found += np.where(is_pooled == pooled, copied, 0.0)
    return found


def _first_bytes(
    kind: ShardingType, wires: Mapping[WireCollective, WireType], is_pooled: bool
) -> float:
    """Of an element on the first leg of its way; as the all-to-all's where it goes none."""
    route = OutputRoute.of(kind, is_pooled)
    route = OutputRoute.WHOLE_ROWS if route is OutputRoute.STAYS else route
    return legs_of(route, wires, is_pooled=is_pooled)[0].element_bytes


def _most_sent_bytes(
    wires: Mapping[WireCollective, WireType],
    is_pooled: NDArray[np.bool_],
    output_bytes: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(T,): the same of outputs that come back, by whichever way that is the widest."""
    found = np.zeros(len(output_bytes))
    for pooled in (True, False):
        ways = [
            np.where(size < output_bytes, size, 0.0)
            for size in {_first_bytes(kind, wires, pooled) for kind in SHARDING_TYPES}
        ]
        found += np.where(is_pooled == pooled, np.maximum.reduce(ways), 0.0)
    return found
