"""Seconds per unit of a fused kernel over all tables of a device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.analytic.lookup import host_rates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.analytic.units import Units
    from shardplan.cost.profile.profile import KernelCosts, LookupRates
    from shardplan.topology.topology import Topology


@dataclass(frozen=True, slots=True)
class FusedKernel:
    """Rows are read where they lie; those of caches have been brought to HBM before."""

    costs: KernelCosts
    topology: Topology

    def unit_seconds(self, units: Units, devices: int) -> NDArray[np.float64]:
        """(O,): what each unit adds, if ``devices`` of a node read the host's memory."""
        in_ddr = units.options.has_kernel(lambda kernel: kernel.reads_ddr)
        in_host = units.sums.seconds(self.host_rates(devices))
        return np.where(in_ddr, in_host, units.sums.seconds(self.costs.hbm))

    def host_rates(self, devices: int) -> LookupRates:
        """What rows in DDR cost, if ``devices`` of a node read them; without DDR none do."""
        ddr = self.topology.ddr
        if ddr is None:
            return self.costs.hbm
        return host_rates(
            self.costs,
            self.topology.read_share_bytes_per_second(ddr, devices),
            self.topology.write_share_bytes_per_second(ddr, devices),
        )
