"""The devices that one replica is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.topology.collective import Collective
from shardplan.topology.schema import ScaleUpKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.profile.profile import Profile
    from shardplan.sharding.kernel import MemoryTier
    from shardplan.spec.spec import ReserveSpec
    from shardplan.topology.machine import Machine

OUTPUT_DEVICE = 0
"""All outputs land on the first device, where the dense layers run (TorchRec's inference)."""


@dataclass(frozen=True, eq=False, slots=True)
class Replica:
    """Devices of one node, driven by one process."""

    devices: int
    capacity_bytes: NDArray[np.float64]
    """(2,): after the reserve, the HBM of each device and its share of the node's DDR times the
    devices; 0 where there is no DDR."""
    gather_start_seconds: float
    """Of the copies from all other devices to the first, which go side by side."""
    gather_seconds_per_byte: float
    """Into the first device, over its link."""

    @classmethod
    def of(
        cls, machine: Machine, profile: Profile, reserve: ReserveSpec, devices: int | None
    ) -> Replica:
        """So many devices of a node of the machine; None: all of one."""
        topology = machine.topology
        count = devices or topology.devices_per_node
        hbm = topology.hbm.capacity_bytes
        ddr = topology.ddr.capacity_bytes if topology.ddr else 0
        share = count / topology.devices_per_node
        kept_ddr = min(ddr, reserve.ddr.of(ddr))
        capacity = [hbm - min(hbm, reserve.hbm.of(hbm)), (ddr - kept_ddr) * share]
        start, per_byte = _gather(machine, profile, count)
        return cls(count, np.array(capacity, dtype=np.float64), start, per_byte)

    def has(self, tier: MemoryTier) -> bool:
        """Whether there is any of such memory."""
        return bool(self.capacity_bytes[tier] > 0)


def _gather(machine: Machine, profile: Profile, devices: int) -> tuple[float, float]:
    """Start-up and seconds of a byte, as the cost model's all-to-alls attain them.

    Copies into one device are bound by its own link, of which all-to-alls of large buffers attain a
    share; that share, and their start-up, are those of the curve for the nearest number of ranks.
    """
    if devices == 1:
        return 0.0, 0.0
    measured = profile.scale_up
    ranks, curve = measured.curve(Collective.ALL_TO_ALL, devices)
    received = (ranks - 1) / ranks
    attained = received / curve.seconds_per_byte / measured.link_bytes_per_second
    return curve.latency_seconds, 1 / (min(1.0, attained) * _link(machine, devices))


def _link(machine: Machine, devices: int) -> float:
    """Bytes that enter one device in a second."""
    scale_up = machine.file.scale_up
    if scale_up is None:
        return machine.topology.host_link_bytes_per_second
    links = devices - 1 if scale_up.kind is ScaleUpKind.MESH else 1
    return links * scale_up.bandwidth.value
