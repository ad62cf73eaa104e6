"""Bytes of rows, optimizer state and caches, and the tiers that they lie in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.sharding.kernel import MemoryTier
from shardplan.workload.training import CacheAlgorithm

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.analytic.dynamic.storage import DynamicStorage
    from shardplan.options.option_set import OptionSet
    from shardplan.workload.training import Training

INDEX_MAP_BYTES = 4
"""HBM of FBGEMM's ``cache_index_table_map``, for each row of a table with a cache over DDR."""
CACHE_SLOT_BYTES = 8
"""HBM of FBGEMM's ``lxu_cache_state``, for each row that a cache has room for."""
LAST_READ_BYTES = 8
"""HBM of ``lxu_state``, for each row that an LRU cache has room for."""
READ_COUNT_BYTES = 8
"""HBM of ``lxu_state``, for each row of a table with an LFU cache, whether it is there or not."""
CACHE_LOCK_BYTES = 4
"""The same of ``lxu_cache_locking_counter``, which prefetching adds."""


def state_in_ddr(options: OptionSet) -> NDArray[np.bool_]:
    """(O,): whether what the optimizer keeps of each weight lies in DDR; where not, in HBM.

    FBGEMM keeps it beside the rows, and that of tables on SSD in HBM. What it keeps of each row is
    in HBM whatever the kernel (``construct_split_state``, ``ssd_state_splits``). None is cached.
    That of a dynamic table moves with its row, and is counted with it.
    """
    return options.has_kernel(
        lambda kernel: not kernel.is_dynamic and kernel.state_in is MemoryTier.DDR
    )


@dataclass(frozen=True, slots=True)
class Storage:
    """Where rows, optimizer state and caches lie."""

    training: Training
    ddr_entry_bytes: int
    """Of DDR, kept for each row of a cache there besides the row."""
    dynamic: DynamicStorage

    def bytes(
        self,
        options: OptionSet,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        element_bytes: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """(O, 3): HBM, DDR and SSD of a shard of ``rows`` x ``columns`` of each option.

        Linear in the shares of the rows that caches hold. Whole bytes where there is no cache. Of a
        dynamic table every device has as much, whatever the rows.
        """
        row_bytes = columns * element_bytes
        cached_hbm, cached_ddr = options.hbm_share * rows, options.ddr_share * rows
        kept = self.training.state
        weights, state = rows * row_bytes, rows * columns * kept.bytes_per_weight
        in_ddr = state_in_ddr(options)
        uvm = options.has_kernel(lambda kernel: kernel.reads_ddr)
        caching = options.has_kernel(lambda kernel: kernel.caches_ddr)
        key_value = options.has_kernel(lambda kernel: kernel.is_on_ssd)
        cached = options.has_kernel(lambda kernel: kernel.caches)
        counted = caching & (self.training.cache_algorithm is CacheAlgorithm.LFU)
        of_row = np.where(caching, INDEX_MAP_BYTES, 0) + np.where(counted, READ_COUNT_BYTES, 0)
        of_slot = self._slot_bytes + np.where(counted, 0, LAST_READ_BYTES)
        directory = of_row * rows + of_slot * cached_hbm
        hbm = np.where(cached, cached_hbm * row_bytes + directory, np.where(uvm, 0, weights))
        ddr_cache = cached_ddr * (row_bytes + self.ddr_entry_bytes)
        held = np.zeros((len(options), 3))
        held[:, 0] = hbm + np.where(in_ddr, 0, state) + rows * kept.bytes_per_row
        held[:, 0] += np.where(key_value, rows * kept.ssd_bytes_per_row, 0)
        held[:, 1] = np.where(uvm | caching, weights, ddr_cache) + np.where(in_ddr, state, 0)
        held[:, 2] = np.where(key_value, weights, 0)
        held *= (rows * columns > 0)[:, None]
        dynamic = options.has_kernel(lambda kernel: kernel.is_dynamic)
        if dynamic.any():
            held[dynamic] = self.dynamic.bytes(options.take(dynamic))
        return held

    @property
    def _slot_bytes(self) -> int:
        """Of HBM, kept for each row of a cache there besides the row."""
        prefetches = self.training.pipeline.prefetches
        return CACHE_SLOT_BYTES + (CACHE_LOCK_BYTES if prefetches else 0)
