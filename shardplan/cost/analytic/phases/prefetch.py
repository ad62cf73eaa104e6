"""A batch's rows on their way into the caches of tables that lie in DDR or on SSD."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.cost.analytic.dynamic.rows import DynamicRows
from shardplan.cost.analytic.linear_phase import LinearPhase
from shardplan.cost.phases import PREFETCH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.analytic.setting import Setting
    from shardplan.cost.analytic.units import Units
    from shardplan.cost.profile.profile import CacheCosts
    from shardplan.topology.tier import Tier
    from shardplan.topology.topology import Topology


@dataclass(frozen=True, slots=True)
class Prefetch(LinearPhase):
    """Fills the caches in HBM, from DDR and SSD that the devices of a node share.

    Every id is looked up in the cache's directory. Every row that the HBM cache lacks crosses the
    host link, and so does the row whose place it takes, since training has changed that one. Rows
    that the cache in DDR lacks too are read from SSD, and as many written to it.
    """

    about = PREFETCH
    shares_memory = True
    costs: CacheCosts | None
    dynamic: DynamicRows
    topology: Topology

    @classmethod
    def of(cls, setting: Setting) -> Self:
        """Of the profile's caches."""
        dynamic = DynamicRows(setting.profile.dynamic, setting.topology)
        return cls(setting.profile.cache, dynamic, setting.topology)

    def unit_seconds(self, units: Units, devices: int) -> NDArray[np.float64]:
        """(O,): to look ids up and to swap rows; 0 for kernels without a cache."""
        filled = self.dynamic.fill_seconds(units, devices)
        if self.costs is None:
            return filled
        shares, options, topology = units.shares, units.options, self.topology
        row_bytes = shares.columns * shares.element_bytes
        seconds = self.costs.per_id * shares.ids
        if topology.ddr is not None:
            per_byte = topology.swap_seconds_per_byte(topology.ddr, devices) / self.costs.path
            seconds = seconds + per_byte * shares.missed_rows * row_bytes
        if topology.ssd is not None:
            page = self.costs.ssd_page_bytes
            moved = -(-row_bytes // page) * page
            per_row = _ssd_row_seconds(topology.ssd, moved) * devices
            on_ssd = options.has_kernel(lambda kernel: kernel.is_on_ssd)
            seconds = seconds + np.where(on_ssd, per_row * shares.ssd_rows, 0.0)
        plain = options.has_kernel(lambda kernel: kernel.caches and not kernel.is_dynamic)
        return np.where(plain, seconds, filled)


def _ssd_row_seconds(ssd: Tier, moved_bytes: NDArray[np.int64]) -> NDArray[np.float64]:
    """To read one row and write another, with all of a node's drives for it alone."""
    each = 1 / ssd.iops if ssd.iops else 0.0
    read = np.maximum(each, moved_bytes / ssd.read_bytes_per_second)
    written: NDArray[np.float64] = np.maximum(each, moved_bytes / ssd.write_bytes_per_second)
    return read + written
