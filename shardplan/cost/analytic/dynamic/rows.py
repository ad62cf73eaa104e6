"""Seconds that dynamic tables take besides a fused kernel over rows in HBM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from shardplan.cost.analytic.units import Units
    from shardplan.cost.profile.profile import DynamicCosts
    from shardplan.topology.tier import Tier
    from shardplan.topology.topology import Topology


@dataclass(frozen=True, slots=True)
class DynamicRows:
    """Ids are looked up in a hash table; rows on the host cross the link, with their state.

    A row that lies on the host alone is fetched by the lookup and put back by the update. One that
    a cache lacks is fetched before, and another goes for it. Where rows are split between HBM and
    the host, new ones begin in HBM, and those that were not read for longest leave it for good: HBM
    has the rows that a cache of its size would have, but for hot ones that once left it.
    """

    costs: DynamicCosts | None
    """None: nothing is known of dynamic tables, and there are none."""
    topology: Topology

    def lookup_seconds(self, units: Units, devices: int) -> NDArray[np.float64]:
        """(O,): to find the ids, and to fetch what is on the host alone."""
        if self.costs is None:
            return np.zeros(len(units.options))
        dynamic = units.options.has_kernel(lambda kernel: kernel.is_dynamic)
        found = self.costs.per_id * units.shares.ids
        rate = self._rate(devices, self.topology.read_share_bytes_per_second)
        return np.where(dynamic, found, 0.0) + self._crossing(units, rate)

    def update_seconds(self, units: Units, devices: int) -> NDArray[np.float64]:
        """(O,): to put back what was fetched for the lookup."""
        rate = self._rate(devices, self.topology.write_share_bytes_per_second)
        return self._crossing(units, rate)

    def fill_seconds(self, units: Units, devices: int) -> NDArray[np.float64]:
        """(O,): to swap the rows that caches lack; 0 for all but those that cache."""
        costs, ddr = self.costs, self.topology.ddr
        if costs is None or ddr is None:
            return np.zeros(len(units.options))
        per_byte = self.topology.swap_seconds_per_byte(ddr, devices) / costs.path
        each = costs.per_missed_row + per_byte * units.shares.value_bytes
        caching = units.options.has_kernel(
            lambda kernel: kernel.is_dynamic_part and not kernel.is_split
        )
        return np.where(caching, each * units.shares.missed_rows, 0.0)

    def _rate(self, devices: int, share: Callable[[Tier, int], float]) -> float:
        ddr = self.topology.ddr
        return share(ddr, devices) if ddr is not None else float("inf")

    def _crossing(self, units: Units, bytes_per_second: float) -> NDArray[np.float64]:
        """(O,): for the distinct rows that lie on the host alone, once over the link."""
        costs = self.costs
        if costs is None:
            return np.zeros(len(units.options))
        shares, options = units.shares, units.options
        split = options.has_kernel(lambda kernel: kernel.is_split)
        on_host = options.has_kernel(
            lambda kernel: kernel.is_dynamic and kernel.needs_ddr and not kernel.caches
        )
        rows = np.where(split, shares.missed_rows, np.where(on_host, shares.unique_rows, 0.0))
        each = costs.per_host_row + shares.value_bytes / (costs.path * bytes_per_second)
        crossing: NDArray[np.float64] = rows * each
        return crossing
