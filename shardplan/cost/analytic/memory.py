"""Bytes of the buffers that a training step keeps beside rows, optimizer state and caches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from shardplan.cost.dense.memory import dense_memory_bytes
from shardplan.workload.training import Pipeline

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.analytic.shares import Shares, TableArrays
    from shardplan.cost.analytic.storage import Storage
    from shardplan.options.option_set import OptionSet
    from shardplan.sharding.world import World
    from shardplan.workload.training import Training
    from shardplan.workload.workload import Workload

GRADIENT_ELEMENT_BYTES = 4
"""The gradient of a data-parallel table is a dense fp32 buffer."""
INDEX_BYTES = 8
"""Ids and lengths travel and are kept as int64."""
DIVISOR_ELEMENT_BYTES = 4
"""What a number of a mean is divided by, or its gradient divided by that, is kept in fp32."""
WEIGHT_BYTES = 4
"""The weight of an id is fp32."""

_BATCHES_IN_FLIGHT: Final = {
    Pipeline.NONE: 1,
    Pipeline.SPARSE_DIST: 2,
    Pipeline.PREFETCH_SPARSE_DIST: 3,
}
"""Batches of ids on a device at once: being trained, distributed, prefetched."""

_CACHE_COPIES_OF_IDS = 7
"""What looking ids up in a cache needs of HBM, in copies of them (as TorchRec's planner has it)."""
_ROW_BUFFERS: Final = {
    Pipeline.NONE: 3,
    Pipeline.SPARSE_DIST: 3,
    Pipeline.PREFETCH_SPARSE_DIST: 4,
}
"""Batches' rows in DDR between HBM and SSD: two on their way out in turn, one on its way in; with
prefetching one more in (``lxu_cache_evicted_weights`` and ``inserted_rows`` of FBGEMM 1.8's
``SSDTableBatchedEmbeddingBags``). It keeps updated rows too where it streams them, which TorchRec
does only if asked to."""


def unit_bytes(shares: Shares, options: OptionSet, storage: Storage) -> NDArray[np.float64]:
    """(O, 3): bytes of HBM, DDR and SSD that one unit takes on each device it lands on.

    Besides the rows, their state and caches there are in HBM the buffers of received ids, of
    outputs and of their gradients, both also in the format that they are sent in, the gradient of a
    data-parallel table, what a cache looks ids up with, and the map of ids where collisions are
    managed; in DDR the rows on their way between SSD and HBM. Buffers have room for as many ids as
    samples may have.
    """
    pipeline = storage.training.pipeline
    rows = shares.shards * shares.shard_rows
    needs = storage.bytes(options, rows, shares.columns, shares.element_bytes)
    ids, bags = np.ceil(shares.most_ids), np.ceil(shares.bags)
    received = (shares.id_bytes * ids + INDEX_BYTES * bags) * _BATCHES_IN_FLIGHT[pipeline]
    element_bytes = _output_element_bytes(storage.training, shares.output_bytes)
    outputs = np.ceil(shares.most_outputs) * shares.columns * element_bytes
    gradient = rows * shares.columns * GRADIENT_ELEMENT_BYTES
    # The pooled outputs of a data-parallel table are its rank's own: base_bytes counts them.
    replicated = options.has_type(lambda kind: kind.is_replicated)
    directory = _CACHE_COPIES_OF_IDS * INDEX_BYTES * ids
    cached = options.has_kernel(lambda kernel: kernel.caches)
    on_ssd = options.has_kernel(lambda kernel: kernel.is_on_ssd)
    needs[:, 0] += received + np.where(replicated, gradient, outputs)
    needs[:, 0] += rows * shares.map_row_bytes + np.ceil(shares.map_id_bytes * ids)
    needs[:, 0] += np.where(cached, directory, 0)
    row_bytes = shares.columns * shares.element_bytes + INDEX_BYTES
    moving = np.ceil(shares.unique_rows) * row_bytes * _ROW_BUFFERS[pipeline]
    needs[:, 1] += np.where(on_ssd, moving, 0)
    return needs


def base_bytes(workload: Workload, tables: TableArrays, world: World) -> NDArray[np.float64]:
    """(3,): what a device needs whatever the placement.

    The dense model; of the rank's own samples the ids and lengths to be sent, and the outputs of
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
    ids = sent * _BATCHES_IN_FLIGHT[training.pipeline]
    unsent = tables.output_bytes if world.size == 1 else 0
    element_bytes = _output_element_bytes(training, tables.output_bytes) - unsent
    ordered = np.where(tables.is_pooled, 0, tables.output_bytes) if world.size > 1 else 0
    pooled = np.ceil(samples * tables.bags * tables.dim)
    elements = np.where(tables.is_pooled, pooled, np.ceil(samples * tables.most_sent) * tables.dim)
    expanded = np.where(tables.dedup, drawn, samples * tables.expanded) * 2 * tables.output_bytes
    divided = np.where(tables.is_mean, DIVISOR_ELEMENT_BYTES, 0)
    made = (elements * (element_bytes + ordered + divided) + tables.dim * expanded).sum()
    dense = dense_memory_bytes(workload, world)
    return np.array([dense + ids + made, 0, 0], dtype=np.float64)


def _output_element_bytes(training: Training, output_bytes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of an element of the outputs and its gradient: as they are, and copied into the format on the
    wire where that is a narrower one."""
    wire = (training.comm_forward, training.comm_backward)
    copies = sum(np.where(dtype.bytes < output_bytes, dtype.bytes, 0) for dtype in wire)
    return 2 * output_bytes + copies
