"""What kind of devices a step runs on, and what joins them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from shardplan.sharding.device_kind import DeviceKind

if TYPE_CHECKING:
    from shardplan.topology.schema import TopologyFile


class DeviceClass(StrEnum):
    """What kind of devices a step runs on, and what joins them: what predictions err by alike."""

    FAST_LINKS = "gpu-nvlink"
    """Several GPUs with links of their own between those of a node."""
    HOST_LINKS = "gpu-pcie"
    """Several GPUs that reach one another through the host."""
    SINGLE = "gpu-single"
    CPU = "cpu"

    @classmethod
    def of(cls, topology: TopologyFile, devices: int) -> DeviceClass:
        """That of a machine with that many devices."""
        if topology.device.kind is DeviceKind.CPU:
            return cls.CPU
        if devices == 1:
            return cls.SINGLE
        return cls.FAST_LINKS if topology.scale_up else cls.HOST_LINKS
