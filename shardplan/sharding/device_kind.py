"""What devices are, as far as it decides which kernels run on them."""

from __future__ import annotations

from enum import StrEnum


class DeviceKind(StrEnum):
    """The strings are those of topology files."""

    GPU = "gpu"
    CPU = "cpu"
