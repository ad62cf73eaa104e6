"""What units on one device have the others of its node wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.sharding.world import Extent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.cost.analytic.linear_phase import LinearPhase
    from shardplan.cost.analytic.units import Units


def spilt_seconds(
    phases: Sequence[LinearPhase], units: Units, load: NDArray[np.float64], devices_per_node: int
) -> NDArray[np.float64]:
    """(O, P): what units on one device add to each other device of the node.

    ``load`` (O, P) is what they add to their own if all devices of the node do as much. What
    of it they would not take alone is spilt evenly on all others: the straight line is exact
    where a single device uses what is shared, and where all do alike.
    """
    spill = np.zeros_like(load)
    others = devices_per_node - 1
    in_host = units.options.has_kernel(lambda kernel: kernel.needs_ddr)
    on_device = units.options.has_type(lambda kind: kind.lands is Extent.DEVICE)
    if not others or not (in_host & on_device).any():
        return spill
    for position, phase in enumerate(phases):
        if phase.shares_memory:
            waits = (load[:, position] - phase.unit_seconds(units, 1)) / others
            spill[:, position] = np.where(on_device, waits, 0.0)
    return spill
