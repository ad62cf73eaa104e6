"""One memory tier of a device or of a node."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tier:
    """A memory: HBM belongs to one device, DDR and SSD are shared by the devices of a node."""

    name: str
    """"hbm", "ddr" or "ssd"."""
    capacity_bytes: int
    read_bytes_per_second: float
    write_bytes_per_second: float
    iops: float | None = None
    """Random reads of one block per second; None where addresses cost nothing (HBM, DDR)."""
