"""What the devices and nodes offer to the tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Capacity:
    """Bytes of each of ``TIERS``: (3,) arrays, hbm of each device, ddr and ssd of each node."""

    raw_bytes: NDArray[np.float64]
    reserve_bytes: NDArray[np.float64]
    """Kept free, as the spec asks."""
    base_bytes: NDArray[np.float64]
    """Needed whatever the placement: the dense model, activations. A node's devices summed up."""

    @property
    def usable_bytes(self) -> NDArray[np.float64]:
        """After the reserve: what a plan may fill."""
        return self.raw_bytes - self.reserve_bytes

    @property
    def free_bytes(self) -> NDArray[np.float64]:
        """After the reserve and the base: what is left for tables; negative where nothing is."""
        return self.usable_bytes - self.base_bytes
