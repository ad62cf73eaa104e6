"""Bytes of shards and of the buffers that a training step keeps beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from shardplan.cost.lookup import OUTPUT_ELEMENT_BYTES
from shardplan.options.kernel import CACHING_KERNELS, Kernel
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

INDEX_MAP_BYTES = 4
"""HBM of FBGEMM's ``cache_index_table_map``, for each row of a table with a cache over DDR."""
CACHE_SLOT_BYTES = 8 + 8
"""HBM of FBGEMM's ``lxu_cache_state`` and ``lxu_state``, for each row that a cache has room for."""
CACHE_LOCK_BYTES = 4
"""The same of ``lxu_cache_locking_counter``, which prefetching adds."""
_CACHE_COPIES_OF_IDS = 7
"""What looking ids up in a cache needs of HBM, in copies of them (as TorchRec's planner has it)."""
_ROW_BUFFERS: Final = {
    Pipeline.NONE: 3,
    Pipeline.SPARSE_DIST: 3,
    Pipeline.PREFETCH_SPARSE_DIST: 5,
}
"""Batches' rows in DDR between HBM and SSD: two on their way out in turn, one on its way in; with
prefetching one more in, and those updated since (FBGEMM's ``SSDTableBatchedEmbeddingBags``)."""

Columns = TypeVar("Columns", int, "NDArray[np.int64]")


def state_row_bytes(optimizer: Optimizer, columns: Columns) -> Columns:
    """Optimizer state of one row of a shard ``columns`` wide.

    Row-wise Adagrad keeps one number per row of each column shard.
    """
    per_column = {Optimizer.SGD: 0, Optimizer.ADAGRAD: 1, Optimizer.ADAM: 2}
    if optimizer is Optimizer.ROWWISE_ADAGRAD:
        return columns * 0 + STATE_ELEMENT_BYTES
    return columns * (per_column[optimizer] * STATE_ELEMENT_BYTES)


def state_in_ddr(options: OptionSet, optimizer: Optimizer) -> NDArray[np.bool_]:
    """(O,): whether the optimizer state lies in DDR; where not, it lies in HBM.

    FBGEMM keeps it beside the rows, but for the numbers of row-wise optimizers and for all state of
    tables on SSD, which are in HBM whatever the kernel (``construct_split_state`` and
    ``ssd_state_splits``). It is never cached.
    """
    beside_rows = options.has_kernel(Kernel.FUSED_UVM, Kernel.FUSED_UVM_CACHING)
    return beside_rows & (optimizer is not Optimizer.ROWWISE_ADAGRAD)


@dataclass(frozen=True, slots=True)
class Storage:
    """Where rows, optimizer state and caches lie."""

    training: Training
    ddr_entry_bytes: int
    """Of DDR, kept for each row of a cache there besides the row."""

    def bytes(
        self,
        options: OptionSet,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        element_bytes: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """(O, 3): HBM, DDR and SSD of a shard of ``rows`` x ``columns`` of each option.

        Linear in the shares of the rows that caches hold. Whole bytes where there is no cache.
        """
        row_bytes = columns * element_bytes
        cached_hbm, cached_ddr = options.hbm_share * rows, options.ddr_share * rows
        weights, state = rows * row_bytes, rows * state_row_bytes(self.training.optimizer, columns)
        in_ddr = state_in_ddr(options, self.training.optimizer)
        uvm = options.has_kernel(Kernel.FUSED_UVM)
        caching = options.has_kernel(Kernel.FUSED_UVM_CACHING)
        key_value = options.has_kernel(Kernel.KEY_VALUE)
        cached = caching | key_value
        directory = np.where(caching, INDEX_MAP_BYTES * rows, 0) + self._slot_bytes * cached_hbm
        hbm = np.where(cached, cached_hbm * row_bytes + directory, np.where(uvm, 0, weights))
        ddr_cache = cached_ddr * (row_bytes + self.ddr_entry_bytes)
        held = np.zeros((len(options), 3))
        held[:, 0] = hbm + np.where(in_ddr, 0, state)
        held[:, 1] = np.where(uvm | caching, weights, ddr_cache) + np.where(in_ddr, state, 0)
        held[:, 2] = np.where(key_value, weights, 0)
        return held

    @property
    def _slot_bytes(self) -> int:
        """Of HBM, kept for each row of a cache there besides the row."""
        prefetches = self.training.pipeline is Pipeline.PREFETCH_SPARSE_DIST
        return CACHE_SLOT_BYTES + (CACHE_LOCK_BYTES if prefetches else 0)


def unit_bytes(shares: Shares, options: OptionSet, storage: Storage) -> NDArray[np.float64]:
    """(O, 3): bytes of HBM, DDR and SSD that one unit takes on each device it lands on.

    Besides the rows, their state and caches there are in HBM the buffers of received ids, of pooled
    outputs and of their gradients, the gradient of a data-parallel table, and what a cache looks
    ids up with; in DDR the rows on their way between SSD and HBM.
    """
    training = storage.training
    rows = shares.shards * shares.shard_rows
    needs = storage.bytes(options, rows, shares.columns, shares.element_bytes)
    replicated = options.is_type(ShardingType.DATA_PARALLEL)
    ids = np.ceil(shares.ids)
    index_bytes = INDEX_BYTES * (ids + np.ceil(shares.bags)) * _BATCHES_IN_FLIGHT[training.pipeline]
    outputs = 2 * np.ceil(shares.bags) * shares.columns * OUTPUT_ELEMENT_BYTES
    gradient = rows * shares.columns * GRADIENT_ELEMENT_BYTES
    # The pooled outputs of a data-parallel table are its rank's own: base_bytes counts them.
    needs[:, 0] += index_bytes + np.where(replicated, gradient, outputs)
    cached = options.has_kernel(*CACHING_KERNELS)
    needs[:, 0] += np.where(cached, _CACHE_COPIES_OF_IDS * INDEX_BYTES * ids, 0)
    moving = np.ceil(shares.unique_rows) * (shares.columns * shares.element_bytes + INDEX_BYTES)
    moving *= _ROW_BUFFERS[training.pipeline]
    needs[:, 1] += np.where(options.has_kernel(Kernel.KEY_VALUE), moving, 0)
    return needs


def base_bytes(workload: Workload, tables: TableArrays, world_size: int) -> NDArray[np.float64]:
    """(3,): what a device needs whatever the placement.

    The dense model, and the pooled outputs of all tables for the rank's own samples with their
    gradients.
    """
    samples = -(-workload.global_batch // world_size)
    pooled = samples * int((tables.features * tables.dim).sum()) * OUTPUT_ELEMENT_BYTES
    return np.array([workload.training.dense_memory_bytes + 2 * pooled, 0, 0], dtype=np.float64)
