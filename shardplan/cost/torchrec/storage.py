"""TorchRec's estimate of a shard's bytes (torchrec 1.9.2, planner/shard_estimators.py).

Its ways are kept: optimizer state is counted in the weights' dtype. The caches of a ``key_value``
shard are as large as planned: TorchRec is told so (``max_l1_cache_size``, ``l2_cache_size``), and
left alone would count none. K is the number of shards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.sharding.kernel import KERNELS, MemoryTier
from shardplan.workload.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.torchrec.constants import Memory
    from shardplan.cost.torchrec.shards import ShardArrays, Values
    from shardplan.cost.torchrec.tables import TableArrays
    from shardplan.sharding.world import World
    from shardplan.workload.pipeline.pipeline import Pipeline


def optimizer_state_per_weight(optimizer: Optimizer, table_columns: Values) -> Values:
    """(K,): elements of optimizer state for each element of the weights.

    TorchRec names three; any other has one, whatever it keeps.
    """
    known = {
        Optimizer.SGD: np.zeros_like(table_columns),
        Optimizer.ROWWISE_ADAGRAD: 1 / table_columns,
        Optimizer.ADAM: np.full_like(table_columns, 2),
    }
    return known.get(optimizer, np.ones_like(table_columns))


def weight_bytes(
    shards: ShardArrays,
    tables: TableArrays,
    kernel: NDArray[np.int8],
    load_factor: Values,
    ddr_load_factor: Values,
    state_per_weight: Values,
    memory: Memory,
) -> Values:
    """(K, 3): bytes of weights, optimizer state and cache in each of ``TIERS``.

    ``tables`` holds, for each shard, the table that it is cut from; ``load_factor`` the share of
    the rows that a cache in HBM holds, and ``ddr_load_factor`` that of one in DDR above SSD.
    """
    cells = shards.rows * shards.columns
    weights = cells * shards.element_bytes
    whole = tables.rows * tables.columns * shards.element_bytes
    # Dividing by the number of shards first keeps even cuts exact.
    shards_of_table = tables.rows * tables.columns / np.maximum(cells, 1)
    cache = np.where(cells > 0, np.ceil(np.rint(load_factor * whole) / shards_of_table), 0)
    state_of_cache = memory.cache_bytes_per_row + load_factor * memory.cache_bytes_per_slot
    cache_state = np.ceil(shards.rows * state_of_cache)
    full = _with_state(weights, state_per_weight)
    cached = KERNELS.each(lambda each: each.caches_ddr, kernel)
    key_value = KERNELS.each(lambda each: each.is_on_ssd, kernel)
    hbm = np.select(
        [KERNELS.each(lambda each: each.rows_in is MemoryTier.HBM, kernel), cached, key_value],
        [
            full,
            _with_state(cache, state_per_weight) + cache_state,
            np.ceil(load_factor * weights),
        ],
        0,
    )
    in_ddr = KERNELS.each(lambda each: each.rows_in is MemoryTier.DDR, kernel)
    ddr = np.select([in_ddr, key_value], [full, np.ceil(ddr_load_factor * weights)], 0)
    ssd = np.where(key_value, full + cache_state, 0)
    return np.column_stack([hbm, ddr, ssd])


def buffer_bytes(
    shards: ShardArrays, world: World, kernel: NDArray[np.int8], pipeline: Pipeline, memory: Memory
) -> Values:
    """(K,): bytes of HBM for the ids, and for the outputs where they are not sent ahead.

    TorchRec's estimator has no pipeline that copies batches alone: it is told none.
    """
    empty = (shards.rows * shards.columns == 0) & (shards.is_row_wise | shards.is_in_group)
    ids = np.where(empty, 0, np.ceil(shards.ids_received(world) * memory.id_bytes))
    if pipeline.prefetches:
        cached = KERNELS.each(lambda each: each.caches, kernel)
        return memory.prefetch_batches * ids + np.where(cached, memory.prefetch_burst * ids, 0)
    if pipeline.sends_ahead:
        return memory.sparse_dist_batches * ids
    outputs = shards.outputs_written(world) * shards.columns * shards.element_bytes
    return ids + np.where(empty, 0, np.ceil(outputs))


def _with_state(weights: Values, state_per_weight: Values) -> Values:
    return weights + np.ceil(weights * state_per_weight)
