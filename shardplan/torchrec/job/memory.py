"""What of each device's memory a job leaves to tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torchrec.distributed.planner.types import StorageReservation, Topology


@dataclass(frozen=True, slots=True)
class DeviceMemory:
    """Bytes of the memory that a device computes in: what it has, and what is left for tables."""

    capacity_bytes: int
    free_bytes: int

    @classmethod
    def of(
        cls,
        topology: Topology,
        reservation: StorageReservation,
        batch_size: int,
        module: Any,
        sharders: Sequence[Any],
        constraints: Mapping[str, Any] | None,
    ) -> Self:
        """What the reservation itself leaves, of whatever class it is; of the device with least.

        Raises TorchRec's PlannerError where it leaves nothing.
        """
        left = reservation.reserve(
            topology=topology,
            batch_size=batch_size,
            module=module,
            sharders=list(sharders),
            constraints=dict(constraints) if constraints is not None else None,
        )
        tier = tier_of(topology)
        free = min(int(getattr(device.storage, tier)) for device in left.devices)
        there = min(int(getattr(device.storage, tier)) for device in topology.devices)
        return cls(there, max(free, 0))


def tier_of(topology: Topology) -> str:
    """By TorchRec's name, the memory that the devices of a topology compute in."""
    return "ddr" if topology.compute_device == "cpu" else "hbm"
