"""Bytes between the tiers of memory, and how often caches spare them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.analytic.storage import state_in_ddr
from shardplan.cost.cost_model import Traffic

if TYPE_CHECKING:
    from shardplan.cost.analytic.shares import Shares
    from shardplan.options.option_set import OptionSet
    from shardplan.workload.optimizers.optimizer_state import OptimizerState


def traffic_of(
    shares: Shares, options: OptionSet, state: OptimizerState, ssd_page_bytes: int
) -> Traffic:
    """What each unit moves on each device that it lands on.

    A row that a cache lacks comes in and another goes out. Of a table in DDR without a cache, the
    lookup reads a row for each id that the on-chip cache misses, and the update reads and writes
    each distinct row. Optimizer state in DDR is read and written with each distinct row; that of
    dynamic tables moves with its row, which crosses twice where HBM lacks it.
    """
    row_bytes = shares.columns * shares.element_bytes
    uncached = shares.fetches + 2 * shares.unique_rows
    in_ddr = options.has_kernel(lambda kernel: kernel.reads_ddr)
    rows = np.where(in_ddr, uncached, 2 * shares.missed_rows)
    dynamic = options.has_kernel(lambda kernel: kernel.is_dynamic)
    on_host = options.has_kernel(lambda kernel: kernel.needs_ddr and not kernel.caches)
    rows = np.where(dynamic & on_host, 2 * shares.unique_rows, rows)
    moved_bytes = np.where(dynamic, shares.value_bytes, row_bytes)
    kept = shares.columns * state.touched.bytes_per_weight
    touched = np.where(state_in_ddr(options), kept, 0)
    page_bytes = -(-row_bytes // ssd_page_bytes) * ssd_page_bytes
    return Traffic(
        accesses=shares.ids,
        hit_rates=shares.hit_rates,
        ddr_hit_rates=shares.ddr_hit_rates,
        host_bytes=rows * moved_bytes + 2 * shares.unique_rows * touched,
        ssd_bytes=2 * shares.ssd_rows * page_bytes,
    )
