"""What devices are, as far as it decides which kernels run on them."""

from __future__ import annotations

from enum import StrEnum


class DeviceKind(StrEnum):
    """What devices are: it decides which kernels run on them."""

    GPU = "gpu"
    CPU = "cpu"
