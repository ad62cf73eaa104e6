"""Seconds to bring a batch's rows into the caches of tables that lie in DDR or on SSD."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.analytic.shares import Shares
    from shardplan.cost.profile.profile import CacheCosts
    from shardplan.options.option_set import OptionSet
    from shardplan.topology.tier import Tier
    from shardplan.topology.topology import Topology


def prefetch_seconds(
    shares: Shares, options: OptionSet, costs: CacheCosts, topology: Topology, devices: int
) -> NDArray[np.float64]:
    """(O,): what each unit adds on each device it lands on; 0 for kernels without a cache.

    So many ``devices`` of a node use its DDR and SSD alike, and wait for each other.

    Every id is looked up in the cache's directory. Every row that the HBM cache lacks crosses the
    host link, and so does the row whose place it takes, since training has changed that one. Rows
    that the cache in DDR lacks too are read from SSD, and as many written to it.
    """
    row_bytes = shares.columns * shares.element_bytes
    seconds = costs.per_id * shares.ids
    if topology.ddr is not None:
        per_byte = topology.swap_seconds_per_byte(topology.ddr, devices) / costs.path
        seconds = seconds + per_byte * shares.missed_rows * row_bytes
    if topology.ssd is not None:
        page = costs.ssd_page_bytes
        moved = -(-row_bytes // page) * page
        per_row = _ssd_row_seconds(topology.ssd, moved) * devices
        on_ssd = options.has_kernel(lambda kernel: kernel.is_on_ssd)
        seconds = seconds + np.where(on_ssd, per_row * shares.ssd_rows, 0.0)
    return np.where(options.has_kernel(lambda kernel: kernel.caches), seconds, 0.0)


def _ssd_row_seconds(ssd: Tier, moved_bytes: NDArray[np.int64]) -> NDArray[np.float64]:
    """To read one row and write another, with all of a node's drives for it alone."""
    each = 1 / ssd.iops if ssd.iops else 0.0
    read = np.maximum(each, moved_bytes / ssd.read_bytes_per_second)
    written: NDArray[np.float64] = np.maximum(each, moved_bytes / ssd.write_bytes_per_second)
    return read + written
