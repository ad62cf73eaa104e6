"""Bytes of shards and of the buffers that a training step keeps beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from shardplan.cost.lookup import OUTPUT_ELEMENT_BYTES
from shardplan.options.kernel import Kernel
from shardplan.options.sharding_type import ShardingType
from shardplan.workload.training import Optimizer, Pipeline

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.shares import Shares, TableArrays
    from shardplan.options.option_set import OptionSet
    from shardplan.workload.training import Training
    from shardplan.workload.workload import Workload

STATE_ELEMENT_BYTES = 4
"""Optimizer state is fp32 whatever the weights are (FBGEMM's table batched embedding)."""
GRADIENT_ELEMENT_BYTES = 4
"""The gradient of a data-parallel table is a dense fp32 buffer."""
INDEX_BYTES = 8
"""Ids and lengths travel and are kept as int64."""

_BATCHES_IN_FLIGHT: Final = {
    Pipeline.NONE: 1,
    Pipeline.SPARSE_DIST: 2,
    Pipeline.PREFETCH_SPARSE_DIST: 3,
}
"""Batches of ids on a device at once: being trained, distributed, prefetched."""

Columns = TypeVar("Columns", int, "NDArray[np.int64]")


def state_row_bytes(optimizer: Optimizer, columns: Columns) -> Columns:
    """Optimizer state of one row of a shard ``columns`` wide.

    Row-wise Adagrad keeps one number per row of each column shard.
    """
    per_column = {Optimizer.SGD: 0, Optimizer.ADAGRAD: 1, Optimizer.ADAM: 2}
    if optimizer is Optimizer.ROWWISE_ADAGRAD:
        return columns * 0 + STATE_ELEMENT_BYTES
    return columns * (per_column[optimizer] * STATE_ELEMENT_BYTES)


def unit_bytes(shares: Shares, options: OptionSet, training: Training) -> NDArray[np.float64]:
    """(O, 3): whole bytes of HBM, DDR and SSD that one unit takes on each device it lands on.

    Weights and optimizer state lie in the kernel's tier; in HBM lie also the buffers of received
    ids, of pooled outputs and of their gradients, and the gradient of a data-parallel table.
    """
    rows = shares.shards * shares.shard_rows
    row_bytes = shares.columns * shares.element_bytes
    stored = rows * (row_bytes + state_row_bytes(training.optimizer, shares.columns))
    in_ddr = options.has_kernel(Kernel.FUSED_UVM)
    replicated = options.is_type(ShardingType.DATA_PARALLEL)

    index_bytes = INDEX_BYTES * (np.ceil(shares.ids) + np.ceil(shares.bags))
    buffers = index_bytes * _BATCHES_IN_FLIGHT[training.pipeline]
    outputs = 2 * np.ceil(shares.bags) * shares.columns * OUTPUT_ELEMENT_BYTES
    gradient = rows * shares.columns * GRADIENT_ELEMENT_BYTES

    needs = np.zeros((len(options), 3))
    # The pooled outputs of a data-parallel table are its rank's own: base_bytes counts them.
    needs[:, 0] = buffers + np.where(replicated, gradient, outputs) + np.where(in_ddr, 0, stored)
    needs[:, 1] = np.where(in_ddr, stored, 0)
    return needs


def base_bytes(workload: Workload, tables: TableArrays, world_size: int) -> NDArray[np.float64]:
    """(3,): what a device needs whatever the placement.

    The dense model, and the pooled outputs of all tables for the rank's own samples with their
    gradients.
    """
    samples = -(-workload.global_batch // world_size)
    pooled = samples * int((tables.features * tables.dim).sum()) * OUTPUT_ELEMENT_BYTES
    return np.array([workload.training.dense_memory_bytes + 2 * pooled, 0, 0], dtype=np.float64)
